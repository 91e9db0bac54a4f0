//! What the memories of a component begin with, made before its first call.
//!
//! The engine keeps it in a file that is only in memory, and seals that file against writing. Linux refuses to seal
//! (`EBUSY`) while anything else holds one of the file's pages, as it does itself for a moment when it moves pages
//! together. Left to the engine this happens in some call, which then fails although the plugin did nothing wrong.

use std::time::Duration;

use wasmtime::component::Component;

/// How often it is tried. Linux waits up to 0.2 s by itself for whoever holds a page.
const ATTEMPTS: usize = 20;
/// How long between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// Makes what this component's memories begin with. Blocks, for seconds at worst.
///
/// # Errors
/// If the system did not allow it in any attempt, with what it said the last time.
pub(crate) fn make(component: &Component) -> wasmtime::Result<()> {
    insist(|| component.initialize_copy_on_write_image(), || std::thread::sleep(PAUSE))
}

fn insist<E>(mut attempt: impl FnMut() -> Result<(), E>, mut pause: impl FnMut()) -> Result<(), E> {
    for _ in 1..ATTEMPTS {
        if attempt().is_ok() {
            return Ok(());
        }
        pause();
    }
    attempt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Refuses so many times, and says how often it was asked and how often waited for.
    fn after(refusals: usize) -> (Result<(), usize>, usize, usize) {
        let (mut asked, mut waited) = (0, 0);
        let attempt = || {
            asked += 1;
            if asked > refusals { Ok(()) } else { Err(asked) }
        };
        let result = insist(attempt, || waited += 1);
        (result, asked, waited)
    }

    #[test]
    fn a_refusal_is_not_the_last_word() {
        assert_eq!(after(0), (Ok(()), 1, 0));
        assert_eq!(after(1), (Ok(()), 2, 1));
        assert_eq!(after(ATTEMPTS - 1), (Ok(()), ATTEMPTS, ATTEMPTS - 1));
    }

    #[test]
    fn it_ends_with_what_was_said_last() {
        assert_eq!(after(usize::MAX), (Err(ATTEMPTS), ATTEMPTS, ATTEMPTS - 1));
    }
}
