//! Several gateways on one database, behind one address.

use std::net::SocketAddr;

use crate::balancer::Balancer;
use crate::{Builder, Log, Must, Outside, Process, SOON, TestGateway, gateway, wait_up_to};

/// The gateways; all of them run from the start.
pub struct Fleet {
    // Dropped in this order: all gateways before what they work with.
    others: Vec<Member>,
    first: TestGateway,
    balancer: Balancer,
}

/// One that shares the database, the settings and the folder of the first.
struct Member {
    process: Process,
    address: SocketAddr,
    log: Log,
}

impl Fleet {
    /// So many of what was built, on its one database: that must be one that several can share.
    pub fn start(builder: Builder, gateways: usize) -> Self {
        let balancer = Balancer::start();
        let builder = builder.public_url(&balancer.url());
        let first = builder.config_toml(&format!("[delivery]\ngateways = {gateways}")).start();
        let others = (1..gateways).map(|_| Member::start(&first, "127.0.0.1:0").must("another gateway"));
        let others = others.collect();
        let fleet = Self { others, first, balancer };
        let others = fleet.others.iter().map(|member| member.address);
        fleet.balancer.set(std::iter::once(fleet.first.address()).chain(others).collect());
        fleet
    }

    /// The first of them, with what belongs to all.
    pub fn first(&self) -> &TestGateway {
        &self.first
    }

    /// The fleet as customers and applications see it: at its one address.
    pub fn outside(&self) -> Outside {
        Outside { gateway: self.balancer.url(), ..self.first.outside() }
    }

    /// One of them, past the balancer.
    pub fn url(&self, number: usize) -> String {
        let other = number.checked_sub(1).and_then(|other| self.others.get(other));
        format!("http://{}", other.map_or(self.first.address(), |member| member.address))
    }

    /// Ends one at once, as a crash would.
    pub fn kill(&mut self, number: usize) {
        match number.checked_sub(1) {
            None => self.first.kill(),
            Some(other) => self.others[other].process.kill(),
        }
    }

    /// Starts one again at the same address.
    pub fn restart(&mut self, number: usize) {
        match number.checked_sub(1) {
            None => self.first.restart(),
            Some(other) => self.others[other].restart(&self.first),
        }
    }

    /// What the others have logged of defects; the first one's log is looked at when it is dropped.
    fn errors(&self) -> Vec<serde_json::Value> {
        self.others.iter().flat_map(|member| member.log.errors()).collect()
    }
}

impl Member {
    fn start(first: &TestGateway, listen: &str) -> Result<Self, String> {
        let log = Log::default();
        let (process, address) = gateway::serve(first.folder(), listen, &log)?;
        Ok(Self { process, address, log })
    }

    fn restart(&mut self, first: &TestGateway) {
        self.process.kill();
        let listen = self.address.to_string();
        // Meanwhile somebody's connection may have been given the port.
        let started = wait_up_to(SOON, || match gateway::serve(first.folder(), &listen, &self.log) {
            Err(log) if log.contains("can't listen") => None,
            other => Some(other),
        });
        (self.process, self.address) = started.must("the port stays taken").must("the gateway does not start again");
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (number, member) in self.others.iter().enumerate() {
                eprintln!("the log of gateway {}:\n{}", number + 1, member.log.text());
            }
            return;
        }
        let errors = self.errors();
        assert!(errors.is_empty(), "errors in the logs: {errors:#?}");
    }
}
