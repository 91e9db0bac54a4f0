//! What processes use of the machine, by `/proc`. Where there is none, nothing is measured.

use std::fs;
use std::time::Duration;

use serde::Serialize;

/// Linux counts processor time in hundredths of a second, on every architecture (`proc(5)`).
const TICK_MS: u64 = 10;

/// Processor time, in user and kernel mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// The gateway's.
    pub gateway: Duration,
    /// This process's, which makes the load and has the local Twilio in it.
    pub here: Duration,
    /// Everybody's on this machine.
    pub machine: Duration,
}

/// What a process holds, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    pub now: u64,
    /// The most that it held so far.
    pub most: u64,
}

/// A process that is watched.
#[derive(Clone, Copy, Debug)]
pub struct Watch(pub u32);

impl Watch {
    pub fn used(self) -> Option<Used> {
        let of = |process: &str| of_process(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?);
        let machine = of_machine(&fs::read_to_string("/proc/stat").ok()?)?;
        Some(Used { gateway: of(&self.0.to_string())?, here: of("self")?, machine })
    }

    pub fn memory(self) -> Option<Memory> {
        memory(&fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?)
    }
}

impl Used {
    /// What was used since then.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            gateway: self.gateway.saturating_sub(before.gateway),
            here: self.here.saturating_sub(before.here),
            machine: self.machine.saturating_sub(before.machine),
        }
    }

    /// What neither the gateway nor this process used: a database server, for one.
    pub fn elsewhere(self) -> Duration {
        self.machine.saturating_sub(self.gateway + self.here)
    }
}

fn ticks<'a>(fields: impl Iterator<Item = &'a str>) -> Option<Duration> {
    // None where there are no fields.
    let mut sum = None;
    for field in fields {
        sum = Some(sum.unwrap_or(0_u64).saturating_add(field.parse().ok()?));
    }
    sum.map(|sum| Duration::from_millis(sum.saturating_mul(TICK_MS)))
}

/// Of `/proc/PID/stat`: fields 14 and 15. The second is a name in parentheses, and may have spaces.
fn of_process(stat: &str) -> Option<Duration> {
    ticks(stat.rsplit(')').next()?.split_whitespace().skip(11).take(2))
}

/// Of `/proc/stat`, the first seven fields but idling (the fourth) and waiting for disks (the fifth). What comes
/// then is others' (the eighth, on a virtual machine), or in the first two already.
fn of_machine(stat: &str) -> Option<Duration> {
    let all = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    ticks(all.take(7).enumerate().filter(|(index, _)| !matches!(index, 3 | 4)).map(|(_, field)| field))
}

fn memory(status: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
    };
    Some(Memory { now: bytes("VmRSS:")?, most: bytes("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_as_it_is_documented() {
        let stat = "71 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 250 31 9 9 20 0 5";
        assert_eq!(of_process(stat), Some(Duration::from_millis(2810)));
        let stat = "cpu  100 1 50 9999 77 2 3 4 60 0\ncpu0 1 2 3\n";
        assert_eq!(of_machine(stat), Some(Duration::from_millis(1560)));
        let status = "Name:\trecado\nVmHWM:\t   52000 kB\nVmRSS:\t   48000 kB\n";
        assert_eq!(memory(status), Some(Memory { now: 48_000 * 1024, most: 52_000 * 1024 }));
        assert_eq!((of_process("?"), of_machine("?"), memory("?")), (None, None, None));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_this_process_uses_is_seen() {
        let watch = Watch(std::process::id());
        let before = watch.used().unwrap();
        let mut sum = 0_u64;
        let used = loop {
            sum = std::hint::black_box((0..1_000_000_u64).fold(sum, u64::wrapping_add));
            let used = watch.used().unwrap().since(before);
            if used.here > Duration::from_millis(TICK_MS) {
                break used;
            }
        };
        // Read twice, one after the other.
        assert!(used.gateway > Duration::ZERO && used.gateway <= used.here);
        assert!(watch.memory().unwrap().most > 1 << 20);
    }
}
