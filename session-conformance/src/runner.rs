//! The runner: cases become trials at run time, with the arguments and the output of the usual test
//! harness.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use tokio::runtime::Runtime;

use crate::case::{Case, Needs};
use crate::harness::Harness;
use crate::list::cases;
use crate::path::{CallPath, Via};

type Made = Pin<Box<dyn Future<Output = Box<dyn Harness>>>>;

/// The cases of one kind of store, under a name: what a harness is made for, and how the cases
/// call.
///
/// Each case gets a harness of its own.
pub struct Suite {
    name: String,
    make: Arc<dyn Fn() -> Made + Send + Sync>,
    paths: Vec<CallPath>,
    lacks: Vec<Needs>,
}

impl Suite {
    /// All cases, each by all [call paths](CallPath). `make` makes the harness of one case.
    pub fn new<H, F>(name: impl Into<String>, make: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        H: Harness,
        F: Future<Output = H> + 'static,
    {
        let make = move || {
            let harness = make();
            Box::pin(async move { Box::new(harness.await) as Box<dyn Harness> }) as Made
        };
        Self {
            name: name.into(),
            make: Arc::new(make),
            paths: CallPath::ALL.to_vec(),
            lacks: Vec::new(),
        }
    }

    /// By these call paths only: one that shows a store in another form need not be shown three
    /// times.
    #[must_use]
    pub fn by(mut self, paths: &[CallPath]) -> Self {
        self.paths = paths.to_vec();
        self
    }

    /// Without the cases about an admin API: the store offers none.
    #[must_use]
    pub fn without_admin(mut self) -> Self {
        self.lacks.push(Needs::Admin);
        self
    }

    /// Without the cases about a store that fails: this one cannot be made to.
    #[must_use]
    pub fn without_faults(mut self) -> Self {
        self.lacks.push(Needs::Faults);
        self
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite")
            .field("name", &self.name)
            .field("paths", &self.paths)
            .field("lacks", &self.lacks)
            .finish_non_exhaustive()
    }
}

/// Runs suites, and tests beside them, as `cargo test` runs its own: filters, `--skip`, `--exact`,
/// `--list`, `--test-threads` mean the same, a failure is shown with its clause and its place.
///
/// For a test target with `harness = false`:
///
/// ```no_run
/// # use session_conformance::Harness;
/// # async fn my_harness() -> impl Harness { let none: std::sync::Arc<dyn Harness> = unreachable!(); none }
/// use session_conformance::{Runner, Suite};
///
/// fn main() -> std::process::ExitCode {
///     Runner::new().suite(Suite::new("my_store", my_harness)).run()
/// }
/// ```
///
/// All trials share one multi-threaded tokio runtime.
pub struct Runner {
    runtime: Arc<Runtime>,
    trials: Vec<Trial>,
}

impl Runner {
    /// Without trials.
    ///
    /// # Panics
    /// When a runtime cannot be made.
    #[allow(clippy::new_without_default, reason = "it makes a runtime")]
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("a tokio runtime");
        Self {
            runtime: Arc::new(runtime),
            trials: Vec::new(),
        }
    }

    /// With the cases of a suite: `name::path::module::case`.
    #[must_use]
    pub fn suite(mut self, suite: Suite) -> Self {
        for path in &suite.paths {
            for case in cases().filter(|case| !suite.lacks.contains(&case.needs)) {
                let name = format!("{}::{path}::{}::{}", suite.name, case.module, case.name);
                let (make, path) = (Arc::clone(&suite.make), *path);
                self = self.trial(name, Some(case), move || async move {
                    let harness = Via::new(path, make().await);
                    (case.run)(&harness).await;
                });
            }
        }
        self
    }

    /// With a test of another kind, which fails by a panic.
    #[must_use]
    pub fn test<F>(self, name: &str, test: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()>,
    {
        self.trial(name.to_owned(), None, test)
    }

    /// Runs the trials that the command line asks for.
    pub fn run(self) -> ExitCode {
        let mut arguments = Arguments::from_args();
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        // Trials wait more than they compute.
        arguments.test_threads.get_or_insert_with(|| 2 * cores());
        self.run_with(&arguments).exit_code()
    }

    fn run_with(self, arguments: &Arguments) -> Conclusion {
        let hook = take_hook();
        set_hook(Box::new(move |info| {
            // A panic of the trial itself is shown where the trial is; any other at once.
            if !note(info) {
                hook(info);
            }
        }));
        libtest_mimic::run(arguments, self.trials)
    }

    fn trial<F>(
        mut self,
        name: String,
        case: Option<&'static Case>,
        test: impl FnOnce() -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()>,
    {
        let runtime = Arc::clone(&self.runtime);
        self.trials.push(Trial::test(name, move || {
            PLACE.set(Some(String::new()));
            let run = AssertUnwindSafe(|| runtime.block_on(test()));
            let outcome = catch_unwind(run);
            let place = PLACE.take().unwrap_or_default();
            outcome.map_err(|panic| {
                let clause = case.map_or_else(String::new, |case| format!("{}: ", case.clause));
                Failed::from(format!("{clause}{}{place}", text_of(&*panic)))
            })
        }));
        self
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Runner({} trials)", self.trials.len())
    }
}

thread_local! {
    /// Where this thread's trial panicked; nothing while it runs none.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Writes down where a trial's own thread panicked; `false` on another thread.
fn note(info: &PanicHookInfo<'_>) -> bool {
    PLACE.with_borrow_mut(|place| match (place, info.location()) {
        (Some(place), Some(location)) => {
            *place = format!("\n  at {location}");
            true
        }
        _ => false,
    })
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_fails_its_trial_and_no_other() {
        let conclusion = Runner::new()
            .test("fails", || async { panic!("as it should") })
            .test("fails in a task", || async {
                let task = tokio::spawn(async { panic!("as it should") });
                task.await.expect("a task without a panic");
            })
            .test("passes", || async {})
            .run_with(&Arguments {
                // Its failures are none of this test's.
                logfile: Some("/dev/null".into()),
                ..Arguments::default()
            });
        assert_eq!((conclusion.num_failed, conclusion.num_passed), (2, 1));
    }
}
