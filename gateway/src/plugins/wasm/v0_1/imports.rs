//! The imports `log`, `config`, `clock` and `random`.

use jiff::tz::TimeZone;
use rand::Rng;

use super::bindings::recado::plugin::{clock, config, log, random, types};
use super::said::moment;
use super::told::millis;
use crate::plugins::wasm::host::{Host, Level};

impl types::Host for Host {}

impl config::Host for Host {
    fn get(&mut self) -> wasmtime::Result<String> {
        Ok(self.about.config.clone())
    }
}

impl log::Host for Host {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.log(level, &message);
        Ok(())
    }
}

impl clock::Host for Host {
    fn now(&mut self) -> wasmtime::Result<f64> {
        Ok(millis(self.call.now))
    }

    fn local(&mut self, time: f64, time_zone: String) -> wasmtime::Result<Option<clock::LocalTime>> {
        let zone = TimeZone::get(&time_zone).ok();
        Ok(zone.zip(moment(time)).map(|(zone, time)| local(&time.to_zoned(zone))))
    }
}

fn local(time: &jiff::Zoned) -> clock::LocalTime {
    let small = |number: i8| u32::try_from(number).unwrap_or(0);
    clock::LocalTime {
        year: u32::try_from(time.year()).unwrap_or(0),
        month: small(time.month()),
        day: small(time.day()),
        hour: small(time.hour()),
        minute: small(time.minute()),
        second: small(time.second()),
        weekday: small(time.weekday().to_monday_one_offset()),
        offset: time.offset().seconds() / 60,
    }
}

impl random::Host for Host {
    fn next(&mut self) -> wasmtime::Result<u32> {
        Ok(self.call.random.next_u32())
    }
}
