//! Flaws in counters.

use session_core::steps::{Refusal, WriteOutcome, WriteRequest};
use session_core::{FieldChange, Result};

use super::mutants;
use super::write::{only, read_modify_write};
use crate::reference::Named;
use crate::reference::Store;

/// Writes after the values of the delta's counters were rewritten, where they are text.
fn write_after(
    store: &Store,
    request: &WriteRequest,
    rewrite: impl Fn(&str, i64) -> Option<String>,
) -> WriteOutcome {
    if store.lock().live(store.flaw(), request.id()).is_some() {
        store.edit(request.id(), |fields| {
            for (name, change) in request.write.delta.changes() {
                if let (FieldChange::Increment(by), Some(value)) =
                    (change, fields.get_mut(name.as_str().as_bytes()))
                {
                    let text = String::from_utf8_lossy(value).into_owned();
                    if let Some(text) = rewrite(&text, *by) {
                        *value = text.into_bytes();
                    }
                }
            }
        });
    }
    store.write(request)
}

fn is_increment(change: &FieldChange) -> bool {
    matches!(change, FieldChange::Increment(_))
}

mutants! {
    /// The value before.
    "INC-1" ReturnsTheValueBefore {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let mut outcome = store.write(&request);
            if let WriteOutcome::Written(written) = &mut outcome {
                for (name, value) in &mut written.counters {
                    if let Some(FieldChange::Increment(by)) =
                        request.write.delta.change(name.as_str())
                    {
                        *value = value.wrapping_sub(*by);
                    }
                }
            }
            Ok(outcome)
        }
    }

    /// Nothing to add, nothing to do.
    "INC-1" SkipsZeros {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            store.edit(request.id(), |fields| {
                for (name, change) in request.write.delta.changes() {
                    let name = name.as_str().as_bytes();
                    let is_zero = fields.get(name).is_some_and(|value| value == b"0");
                    if is_zero && *change == FieldChange::Increment(0) {
                        fields.remove(name);
                    }
                }
            });
            Ok(outcome)
        }
    }

    /// Every integer that the language reads.
    "INC-2" ParsesLeniently {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(write_after(store, &request, |text, _| {
                text.parse::<i64>().ok().map(|number| number.to_string())
            }))
        }
    }

    /// An empty text is 0, as an absent field is.
    "INC-2" TakesEmptyForZero {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(write_after(store, &request, |text, _| {
                text.is_empty().then(|| "0".into())
            }))
        }
    }

    /// What is too large is called an overflow.
    "INC-2" CallsLargeTextsAnOverflow {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let state = store.lock().live(store.flaw(), request.id());
            let outcome = store.write(&request);
            let is_too_large =
                |text: &str| text.parse::<i128>().is_ok() && text.parse::<i64>().is_err();
            let is_large = state.is_some_and(|state| {
                let mut values = state.session.fields().iter();
                values.any(|(_, value)| value.as_str().is_ok_and(is_too_large))
            });
            Ok(match outcome {
                WriteOutcome::Refused(Refusal::NotAnInteger) if is_large => {
                    WriteOutcome::Refused(Refusal::Overflow)
                }
                other => other,
            })
        }
    }

    /// The sum wraps around.
    "INC-3" WrapsAround {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(write_after(store, &request, |text, by| {
                // Whatever was there, from the other end of the range the sum fits.
                let value: i64 = text.parse().ok()?;
                let other_end = if by > 0 { i64::MIN } else { 0 };
                let is_over = value.checked_add(by).is_none();
                is_over.then(|| other_end.to_string())
            }))
        }
    }

    /// The sum stays at the end of the range.
    "INC-3" Saturates {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(write_after(store, &request, |text, by| {
                let value: i64 = text.parse().ok()?;
                let sum = value.saturating_add(by);
                value
                    .checked_add(by)
                    .is_none()
                    .then(|| (i128::from(sum) - i128::from(by)).to_string())
            }))
        }
    }

    /// Sets and removals come first.
    "INC-4" SetsBeforeItRefuses {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            if matches!(outcome, WriteOutcome::Refused(_)) {
                let mut rest = request.clone();
                rest.write.delta = only(&request.write.delta, |_, change| !is_increment(change));
                store.write(&rest);
            }
            Ok(outcome)
        }
    }

    /// The counters before the refused one stay counted.
    "INC-4" CountsUpToTheRefusal {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            if matches!(outcome, WriteOutcome::Refused(_)) {
                for last in (0..request.write.delta.changes().len()).rev() {
                    let mut part = request.clone();
                    let quiet = only(&request.write.delta, |n, change| {
                        n < last && is_increment(change)
                    });
                    part.write.delta = quiet;
                    if matches!(store.write(&part), WriteOutcome::Written(_)) {
                        break;
                    }
                }
            }
            Ok(outcome)
        }
    }

    /// Undoing leaves 0 where nothing was.
    "INC-4" UndoesToZero {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            if matches!(outcome, WriteOutcome::Refused(_)) {
                store.edit(request.id(), |fields| {
                    for (name, change) in request.write.delta.changes() {
                        if is_increment(change) {
                            let name = name.as_str().as_bytes().to_vec();
                            fields.entry(name).or_insert_with(|| b"0".to_vec());
                        }
                    }
                });
            }
            Ok(outcome)
        }
    }

    /// HGET, add, HSET.
    "INC-5" CountsOutsideTheStore {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(read_modify_write(store, &request).await)
        }
    }

    /// What is returned is a double, as Lua's numbers are.
    "INC-6" ReturnsDoubles {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "the flaw"
        )]
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let mut outcome = store.write(&request);
            if let WriteOutcome::Written(written) = &mut outcome {
                for (_, value) in &mut written.counters {
                    *value = *value as f64 as i64;
                }
            }
            Ok(outcome)
        }
    }

    /// What is stored is a double.
    "INC-6" StoresDoubles {
        #[allow(clippy::cast_precision_loss, reason = "the flaw")]
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            if let WriteOutcome::Written(written) = &outcome {
                store.edit(request.id(), |fields| {
                    for (name, value) in &written.counters {
                        let text = format!("{:.0}", *value as f64);
                        fields.insert(name.as_str().as_bytes().to_vec(), text.into_bytes());
                    }
                });
            }
            Ok(outcome)
        }
    }
}
