//! Randomness. A message that is replayed draws the same numbers again.
//!
//! ```
//! use recado_sdk::{random, testing};
//!
//! let greetings = ["¡Hola!", "¡Buenas!", "¿Qué tal?"];
//! let mut host = testing::Host::new().seed(7);
//! let drawn = host.run(|| random::choose(&greetings).copied());
//! assert!(greetings.contains(&drawn.unwrap()));
//! assert_eq!(testing::Host::new().seed(7).run(|| random::choose(&greetings).copied()), drawn);
//! ```

/// Any number, each as likely as the other.
///
/// ```
/// assert_ne!(recado_sdk::random::next(), recado_sdk::random::next());
/// ```
pub fn next() -> u32 {
    crate::host::random::next()
}

/// A number from 0 up to, but without, `limit`; 0 if that is 0.
///
/// ```
/// let die = recado_sdk::random::below(6) + 1;
/// assert!((1..=6).contains(&die));
/// assert_eq!(recado_sdk::random::below(0), 0);
/// ```
pub fn below(limit: u32) -> u32 {
    if limit == 0 {
        return 0;
    }
    // What is left over of the range would make small numbers likelier: it is drawn again.
    let leftover = u32::MAX - (u32::MAX % limit + 1) % limit;
    loop {
        let drawn = next();
        if drawn <= leftover {
            return drawn % limit;
        }
    }
}

/// A number from 0.0 up to, but without, 1.0.
///
/// ```
/// assert!((0.0..1.0).contains(&recado_sdk::random::fraction()));
/// ```
pub fn fraction() -> f64 {
    f64::from(next()) / (f64::from(u32::MAX) + 1.0)
}

/// One of several; nothing of none. The [module's page](self) has an example.
pub fn choose<T>(choices: &[T]) -> Option<&T> {
    choices.get(below(u32::try_from(choices.len()).unwrap_or(u32::MAX)) as usize)
}
