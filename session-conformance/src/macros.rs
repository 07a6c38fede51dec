//! From the lists of the cases to their tables.

/// A table of cases, of which all need an admin API or none.
macro_rules! __table_of_cases {
    ($needs_admin:literal $($module:ident { $($clause:literal $name:ident)* })*) => {
        &[$($(
            Case {
                clause: $clause,
                module: stringify!($module),
                name: stringify!($name),
                needs_admin: $needs_admin,
                run: |harness| Box::pin(crate::clauses::$module::$name(harness)),
            },
        )*)*]
    };
}
