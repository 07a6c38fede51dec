//! From the lists of the cases to their tables.

/// A table of cases, of which all need the same.
macro_rules! __table_of_cases {
    ($needs:ident $($module:ident { $($clause:literal $name:ident)* })*) => {
        &[$($(
            Case {
                clause: $clause,
                module: stringify!($module),
                name: stringify!($name),
                needs: Needs::$needs,
                run: |harness| Box::pin(crate::clauses::$module::$name(harness)),
            },
        )*)*]
    };
}
