//! What a call finds around it: a clock, randomness, state, other hosts.

use std::cell::RefCell;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::Restored;
use super::memory::{Memory, Place};
use super::samples::{CONTACT, CONVERSATION, NOW};
use crate::clock::millis;
use crate::fetch::{Failure, Request, Response};
use crate::state::Scope;

/// The most requests of one call.
const MAX_REQUESTS: usize = 4;

thread_local! {
    static CURRENT: RefCell<Option<Host>> = const { RefCell::new(None) };
    /// For calls outside of any other.
    static BARE: RefCell<Host> = RefCell::new(Host::new());
}

/// Stands in for the gateway while single calls run: with a clock to set and to move, state that
/// lasts from call to call, randomness from a seed, and other hosts' answers.
///
/// ```
/// use std::time::Duration;
///
/// use recado_sdk::state::{self, Scope};
/// use recado_sdk::{clock, testing::Host};
///
/// let mut host = Host::new().at("2026-12-24 23:00", "America/Cancun");
/// host.run(|| state::set(Scope::Contact, "seen", &clock::now().to_string()))?;
/// host.advance(Duration::from_secs(2 * 3600));
/// let local = host.run(|| clock::local(clock::now(), "America/Cancun")).unwrap();
/// assert_eq!((local.month, local.day, local.hour), (12, 25, 1));
/// assert!(host.remembered(Scope::Contact, "seen").is_some());
/// # Ok::<_, state::Failure>(())
/// ```
#[derive(Clone, Debug)]
pub struct Host {
    now: f64,
    random: u64,
    memory: Memory,
    unavailable: Option<String>,
    /// The ids of whom the calls are about.
    pub(super) subjects: Option<(String, String)>,
    answers: Vec<(String, Result<Response, Failure>)>,
    requests: Vec<Request>,
    requests_of_call: usize,
}

impl Host {
    /// Nothing is remembered, nobody answers, and the clock shows [`super::NOW`].
    pub fn new() -> Self {
        Self {
            now: NOW,
            random: 0,
            memory: Memory::default(),
            unavailable: None,
            subjects: Some((CONVERSATION.to_owned(), CONTACT.to_owned())),
            answers: Vec::new(),
            requests: Vec::new(),
            requests_of_call: 0,
        }
    }

    /// Sets the clock to a time of day in a time zone (IANA), as in `2026-08-03 20:15`.
    ///
    /// # Panics
    ///
    /// If it is no time, or no zone.
    #[must_use]
    pub fn at(self, local: &str, time_zone: &str) -> Self {
        self.time(moment(local, time_zone))
    }

    /// Sets the clock to a moment.
    #[must_use]
    pub fn time(mut self, moment: f64) -> Self {
        self.now = moment;
        self
    }

    /// Where randomness begins.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.random = seed;
        self
    }

    /// Lets a host answer the next request to an address that begins so. Each answer is given once,
    /// the first that fits first.
    #[must_use]
    pub fn answer(mut self, url: impl Into<String>, response: Response) -> Self {
        self.answers.push((url.into(), Ok(response)));
        self
    }

    /// Lets the next request to an address that begins so fail.
    #[must_use]
    pub fn refuse(mut self, url: impl Into<String>, failure: Failure) -> Self {
        self.answers.push((url.into(), Err(failure)));
        self
    }

    /// Lets state be out of reach, for this reason.
    #[must_use]
    pub fn state_unavailable(mut self, reason: impl Into<String>) -> Self {
        self.unavailable = Some(reason.into());
        self
    }

    /// Lets the calls be about a message that begins a conversation: there is no state of a
    /// conversation or a contact.
    #[must_use]
    pub fn without_conversation(mut self) -> Self {
        self.subjects = None;
        self
    }

    /// Makes a call. What it writes is kept.
    ///
    /// ```
    /// use recado_sdk::state::{self, Scope};
    ///
    /// let mut host = recado_sdk::testing::Host::new();
    /// host.run(|| state::set(Scope::Global, "key", "value")).unwrap();
    /// assert_eq!(host.remembered(Scope::Global, "key").as_deref(), Some("value"));
    /// ```
    pub fn run<T>(&mut self, body: impl FnOnce() -> T) -> T {
        let value = self.lend(body);
        self.memory.commit();
        value
    }

    /// Makes a call. What it writes is kept if it succeeds, as the gateway does with a hook.
    ///
    /// ```
    /// use recado_sdk::state::{self, Scope};
    ///
    /// let mut host = recado_sdk::testing::Host::new();
    /// let failed = host.attempt(|| {
    ///     state::set(Scope::Global, "key", "value").unwrap();
    ///     Err::<(), _>("changed my mind")
    /// });
    /// assert_eq!(failed, Err("changed my mind"));
    /// assert_eq!(host.remembered(Scope::Global, "key"), None);
    /// ```
    pub fn attempt<T, E>(&mut self, body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let result = self.lend(body);
        match result {
            Ok(_) => self.memory.commit(),
            Err(_) => self.memory.discard(),
        }
        result
    }

    fn lend<T>(&mut self, body: impl FnOnce() -> T) -> T {
        self.requests_of_call = 0;
        // What a call wrote that ended in a panic.
        self.memory.discard();
        let previous = CURRENT.replace(Some(std::mem::take(self)));
        let _returned = Restored(Some(|| *self = CURRENT.replace(previous).unwrap_or_default()));
        body()
    }

    /// Moves the clock on.
    pub fn advance(&mut self, length: Duration) {
        self.now += millis(length);
    }

    /// The moment that the clock shows.
    pub fn now(&self) -> f64 {
        self.now
    }

    /// What is remembered of the conversation, contact or plugin that the calls are about.
    pub fn remembered(&self, scope: Scope, key: &str) -> Option<String> {
        self.memory.get(&self.place(scope, key)?, self.now).ok().flatten()
    }

    /// What was asked of other hosts, in order.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    pub(super) fn set_now(&mut self, moment: f64) {
        self.now = moment;
    }

    fn place(&self, scope: Scope, key: &str) -> Option<Place> {
        let subject = match (scope, &self.subjects) {
            (Scope::Global, _) => String::new(),
            (Scope::Conversation, Some((conversation, _))) => conversation.clone(),
            (Scope::Contact, Some((_, contact))) => contact.clone(),
            (Scope::Conversation | Scope::Contact, None) => return None,
        };
        Some((scope, subject, key.to_owned()))
    }

    fn fetch(&mut self, request: &Request) -> Result<Response, Failure> {
        if self.requests_of_call == MAX_REQUESTS {
            return Err(Failure::Budget(format!("{MAX_REQUESTS} requests in one call are the most")));
        }
        self.requests_of_call += 1;
        self.requests.push(request.clone());
        match self.answers.iter().position(|(url, _)| request.url.starts_with(url.as_str())) {
            Some(index) => self.answers.remove(index).1,
            None => Err(Failure::NotAllowed(format!("no answer is set for {}", request.url))),
        }
    }

    /// `SplitMix64`: small, and even enough for tests.
    fn draw(&mut self) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or_default()
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

/// A moment from a time of day in a time zone.
pub(super) fn moment(local: &str, time_zone: &str) -> f64 {
    let time: jiff::civil::DateTime = local.parse().unwrap_or_else(|error| panic!("`{local}` is no time: {error}"));
    let zone = TimeZone::get(time_zone).unwrap_or_else(|error| panic!("`{time_zone}` is no time zone: {error}"));
    let zoned = time.to_zoned(zone).unwrap_or_else(|error| panic!("`{local}` can't be reckoned with: {error}"));
    float(zoned.timestamp().as_millisecond())
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of all years that jiff knows are exact as a float")]
fn float(millis: i64) -> f64 {
    millis as f64
}

fn with<T>(body: impl FnOnce(&mut Host) -> T) -> T {
    CURRENT.with_borrow_mut(|current| match current {
        Some(host) => body(host),
        None => BARE.with_borrow_mut(|host| {
            let value = body(host);
            host.memory.discard();
            host.requests.clear();
            host.requests_of_call = 0;
            value
        }),
    })
}

pub(crate) mod config {
    pub(crate) fn get() -> String {
        crate::testing::config()
    }
}

pub(crate) mod log {
    pub(crate) fn write(level: crate::log::Level, message: &str) {
        crate::testing::log(level, message);
    }
}

pub(crate) mod random {
    pub(crate) fn next() -> u32 {
        super::with(super::Host::draw)
    }
}

pub(crate) mod fetch {
    use crate::fetch::{Failure, Request, Response};

    pub(crate) fn send(request: &Request) -> Result<Response, Failure> {
        super::with(|host| host.fetch(request))
    }
}

pub(crate) mod clock {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use crate::clock::LocalTime;

    pub(crate) fn now() -> f64 {
        super::with(|host| host.now)
    }

    pub(crate) fn local(moment: f64, time_zone: &str) -> Option<LocalTime> {
        let zone = TimeZone::get(time_zone).ok()?;
        #[expect(clippy::cast_possible_truncation, reason = "moments are whole milliseconds")]
        let time = Timestamp::from_millisecond(moment as i64).ok()?.to_zoned(zone);
        let small = |number: i8| u32::try_from(number).unwrap_or(0);
        Some(LocalTime {
            year: u32::try_from(time.year()).unwrap_or(0),
            month: small(time.month()),
            day: small(time.day()),
            hour: small(time.hour()),
            minute: small(time.minute()),
            second: small(time.second()),
            weekday: small(time.weekday().to_monday_one_offset()),
            offset: time.offset().seconds() / 60,
        })
    }
}

pub(crate) mod state {
    use super::{Host, Memory, Place};
    use crate::state::{Failure, Scope};

    pub(crate) fn get(scope: Scope, key: &str) -> Result<Option<String>, Failure> {
        on(scope, key, |memory, place, now| memory.get(&place, now))
    }

    pub(crate) fn set(scope: Scope, key: &str, value: &str, ttl: Option<f64>) -> Result<(), Failure> {
        on(scope, key, |memory, place, now| memory.set(place, value, ttl, now))
    }

    pub(crate) fn delete(scope: Scope, key: &str) -> Result<(), Failure> {
        on(scope, key, |memory, place, _| memory.delete(place))
    }

    pub(crate) fn add(scope: Scope, key: &str, amount: f64) -> Result<f64, Failure> {
        on(scope, key, |memory, place, now| memory.add(place, amount, now))
    }

    fn on<T>(
        scope: Scope,
        key: &str,
        body: impl FnOnce(&mut Memory, Place, f64) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        super::with(|host: &mut Host| {
            if let Some(reason) = &host.unavailable {
                return Err(Failure::Unavailable(reason.clone()));
            }
            let place = host.place(scope, key).ok_or(Failure::NoSuchScope)?;
            body(&mut host.memory, place, host.now)
        })
    }
}
