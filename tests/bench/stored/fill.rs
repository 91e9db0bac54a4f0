//! Filling a database with what a gateway leaves behind in a year: by a few statements over many rows each, with
//! every index in place, so that the trees are as they grow.
//!
//! All that is here follows from a message's number, so that what is where is known without asking: message `n`
//! came at `start + n * step`, in a conversation of its time, or in one of three that never end.

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr};

use recado_tests::NUMBER;

/// Rows of one statement.
const CHUNK: i64 = 250_000;
/// This many messages belong to conversations of one time …
const BLOCK: i64 = 5_400;
/// … which are so many: 13 to 45 messages in most, some hundred in a few.
const PER_BLOCK: i64 = 200;
/// The first number of the conversations that never end.
const ENDLESS: i64 = 9_000_000;
/// How many of them.
const ENDLESS_COUNT: i64 = 3;
/// What each of them holds at the most.
const ENDLESS_SIZE: i64 = 20_000;
/// Of the newest outbound messages, so many wait for tomorrow.
const SCHEDULED: i64 = 3_000;
const YEAR: i64 = 365 * 24 * 3_600_000;
const HOUR: i64 = 3_600_000;

/// What a database holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filling {
    pub(crate) rows: i64,
    /// In milliseconds since 1970.
    start: i64,
    step: i64,
    /// Every so many-th message belongs to a conversation that never ends.
    endless_every: i64,
}

/// Which table an id is of: ids of different tables differ in three digits.
#[derive(Clone, Copy)]
enum Of {
    Message = 1,
    Conversation = 2,
    Contact = 3,
    Part = 4,
    Attempt = 6,
    Sent = 8,
    Delivered = 9,
}

/// `SQLite` and Postgres have other names for a few things.
#[derive(Clone, Copy)]
struct Dialect(DbBackend);

impl Dialect {
    /// The numbers from one to another, both included, as `s (n)`.
    fn numbers(self, first: i64, last: i64) -> String {
        match self.0 {
            DbBackend::Postgres => format!("generate_series({first}::bigint, {last}::bigint) AS s(n)"),
            _ => format!(
                "(WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s) AS s"
            ),
        }
    }

    fn hex(self, expression: &str, digits: u32) -> String {
        match self.0 {
            DbBackend::Postgres => format!("lpad(to_hex(({expression})::bigint), {digits}, '0')"),
            _ => format!("printf('%0{digits}x', {expression})"),
        }
    }

    /// An id of version 7.
    fn id(self, of: Of, millis: &str, number: &str) -> String {
        let hex = format!("{} || '7{:03x}8' || {}", self.hex(millis, 12), of as u32, self.hex(number, 15));
        match self.0 {
            DbBackend::Postgres => format!("({hex})::uuid"),
            _ => format!("unhex({hex})"),
        }
    }

    fn json(self, expression: &str) -> String {
        match self.0 {
            DbBackend::Postgres => format!("({expression})::json"),
            _ => format!("({expression})"),
        }
    }

    fn or(self, one: &'static str, other: &'static str) -> &'static str {
        match self.0 {
            DbBackend::Postgres => one,
            _ => other,
        }
    }

    /// 32 bits that seem to be random.
    fn hash(salt: i64) -> String {
        format!("((n * 2654435761 + {salt}) % 4294967296)")
    }

    /// A provider's id: nobody sees an order in them.
    fn provider_id(self, prefix: &str) -> String {
        let eights: Vec<String> = [7, 77_777, 1_234_567, 987_654_321].map(|salt| self.hex(&Self::hash(salt), 8)).into();
        format!("'{prefix}' || {}", eights.join(" || "))
    }
}

impl Filling {
    pub(crate) fn new(rows: i64, now: i64) -> Self {
        let size = ENDLESS_SIZE.min(rows / 20);
        let endless_every = rows / (ENDLESS_COUNT * size).max(1);
        Self { rows, start: now - YEAR, step: (YEAR - HOUR) / rows, endless_every: endless_every.max(2) }
    }

    fn blocks(&self) -> i64 {
        (self.rows + BLOCK - 1) / BLOCK
    }

    /// How many conversations begin and end.
    pub(crate) fn conversations(&self) -> i64 {
        self.blocks() * PER_BLOCK
    }

    /// One of those that have about twenty messages, anywhere in the year.
    pub(crate) fn usual_conversation(&self, number: i64) -> i64 {
        let block = number.wrapping_mul(7_919).rem_euclid(self.blocks());
        block * PER_BLOCK + 90 + number.rem_euclid(20)
    }

    pub(crate) fn conversation_id(&self, conversation: i64) -> String {
        hyphenated(self.conversation_began(conversation), Of::Conversation, conversation)
    }

    /// The conversation that has the most messages.
    pub(crate) fn endless_id(&self) -> String {
        self.conversation_id(ENDLESS)
    }

    /// Who the conversation is with.
    pub(crate) fn address(conversation: i64) -> String {
        format!("+5255{}", 20_000_000 + conversation)
    }

    pub(crate) fn message_id(&self, number: i64) -> String {
        hyphenated(self.start + number * self.step, Of::Message, number)
    }

    fn conversation_began(&self, conversation: i64) -> i64 {
        if conversation >= ENDLESS {
            return self.start + conversation - ENDLESS;
        }
        self.start + conversation / PER_BLOCK * BLOCK * self.step + conversation % PER_BLOCK
    }

    pub(crate) async fn fill(&self, url: &str) -> Result<(), DbErr> {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        let database = Database::connect(options).await?;
        let dialect = Dialect(database.get_database_backend());
        let prepare = dialect.or(
            // What references what is known.
            "SET session_replication_role = replica; SET synchronous_commit = off; SET max_parallel_workers_per_gather = 0",
            "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -3000000; PRAGMA temp_store = MEMORY",
        );
        database.execute_unprepared(prepare).await?;
        self.people(&database, dialect).await?;
        let mut first = 0;
        while first < self.rows {
            let last = (first + CHUNK).min(self.rows) - 1;
            for statement in self.chunk(dialect, first, last) {
                database.execute_unprepared(&statement).await?;
            }
            first = last + 1;
        }
        // As its own cleaner does it after a while; and a write-ahead log that is not of this.
        let finish = dialect.or("VACUUM ANALYZE; CHECKPOINT", "PRAGMA wal_checkpoint(TRUNCATE)");
        for statement in finish.split("; ") {
            database.execute_unprepared(statement).await?;
        }
        database.close().await
    }

    async fn people(&self, database: &DatabaseConnection, dialect: Dialect) -> Result<(), DbErr> {
        let Self { start, step, .. } = self;
        let began = format!(
            "(CASE WHEN n >= {ENDLESS} THEN {start} + n - {ENDLESS} \
             ELSE {start} + n / {PER_BLOCK} * {BLOCK} * {step} + n % {PER_BLOCK} END)"
        );
        let ended = format!(
            "(CASE WHEN n >= {ENDLESS} THEN {end} ELSE {start} + (n / {PER_BLOCK} + 1) * {BLOCK} * {step} END)",
            end = start + self.rows * step
        );
        let (id, contact) = (dialect.id(Of::Conversation, &began, "n"), dialect.id(Of::Contact, &began, "n"));
        let address = "'+5255' || (20000000 + n)";
        let tags = dialect.json("'[]'");
        for numbers in
            [dialect.numbers(0, self.conversations() - 1), dialect.numbers(ENDLESS, ENDLESS + ENDLESS_COUNT - 1)]
        {
            for statement in [
                format!(
                    "INSERT INTO contacts (id, created_at, updated_at) SELECT {contact}, {began}, {began} FROM {numbers}"
                ),
                format!(
                    "INSERT INTO addresses (address, contact_id, created_at) SELECT {address}, {contact}, {began} FROM {numbers}"
                ),
                format!(
                    "INSERT INTO conversations (id, channel, address, contact_id, status, subject, tags, unread, inbound_count, \
                     last_message_at, last_inbound_at, created_at, updated_at) SELECT {id}, 'sms', {address}, {contact}, \
                     CASE WHEN n % 10 = 3 THEN 'closed' ELSE 'active' END, 'SMS desde ' || {address}, {tags}, 1, 12, \
                     {ended}, {ended}, {began}, {ended} FROM {numbers}"
                ),
            ] {
                database.execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }

    /// The statements that add these messages and what belongs to them.
    fn chunk(&self, dialect: Dialect, first: i64, last: i64) -> Vec<String> {
        let Self { rows, start, step, endless_every, .. } = self;
        let at = format!("({start} + n * {step})");
        // Few conversations get many of their time's messages.
        let among = format!("(({hash} % 1000) * ({hash} % 1000) / 5000)", hash = Dialect::hash(12_345));
        let conversation = format!(
            "(CASE WHEN n % {endless_every} = 0 THEN {ENDLESS} + n / {endless_every} % {ENDLESS_COUNT} \
             ELSE n / {BLOCK} * {PER_BLOCK} + {among} END)"
        );
        // Whose number it is stands beside the messages' as `c`.
        let source = format!("(SELECT n, {conversation} AS c FROM {}) AS s", dialect.numbers(first, last));
        let began = format!(
            "(CASE WHEN c >= {ENDLESS} THEN {start} + c - {ENDLESS} \
             ELSE {start} + c / {PER_BLOCK} * {BLOCK} * {step} + c % {PER_BLOCK} END)"
        );
        let conversation_id = dialect.id(Of::Conversation, &began, "c");
        let id = |of| dialect.id(of, &at, "n");
        let address = "'+5255' || (20000000 + c)";
        let (inbound, outbound) = (dialect.provider_id("SM"), dialect.provider_id("SM"));
        let is_inbound = format!("({} / 65536 % 2 = 0)", Dialect::hash(99));
        let waits = format!("(n >= {})", rows - (2 * SCHEDULED).min(rows / 10));
        let tomorrow = start + YEAR + 24 * HOUR;
        let (none, nothing) =
            (dialect.json("'[]'"), "'Hola, quisiera saber si mañana tienen lugar a las ' || (n % 12 + 9)");
        let extra = dialect.json(
            "'[[\"ToCountry\",\"MX\"],[\"SmsStatus\",\"received\"],[\"FromCountry\",\"MX\"],[\"ApiVersion\",\"2010-04-01\"]]'",
        );
        let raw = dialect.json(&format!(
            "'[[\"MessageStatus\",\"delivered\"],[\"To\",\"' || {address} || '\"],[\"ApiVersion\",\"2010-04-01\"]]'"
        ));
        let decided = "'{\"ran\":[{\"plugin\":\"auto-reply\",\"version\":\"0.1.0\",\"decision\":{\"actions\":[],\"flow\":\"proceed\",\"left_out\":[]},\"error\":null,\"duration_micros\":' || (n % 900 + 100) || '}]}'";
        let digest: Vec<String> = (0..8).map(|salt| dialect.hex(&Dialect::hash(salt * 31_337), 8)).collect();
        let digest = digest.join(" || ");
        let is_false = dialect.or("FALSE", "0");
        let observed = |of: Of, status: &str, only: &str| {
            format!(
                "INSERT INTO observations (id, channel, provider_id, part_id, status, conflict, raw, received_at, digest) \
                 SELECT {}, 'sms', {outbound}, {}, '{status}', {is_false}, {raw}, {at} + 900, {digest} FROM {source} \
                 WHERE NOT {is_inbound} AND NOT {waits}{only}",
                id(of),
                id(Of::Part)
            )
        };
        vec![
            format!(
                "INSERT INTO messages (id, conversation_id, channel, direction, provider_id, sender, recipient, text, status, \
                 segments, ordinal, extra, created_at, updated_at, processed_at, seen, decided) \
                 SELECT {}, {conversation_id}, 'sms', 'inbound', {inbound}, {address}, '{NUMBER}', {nothing}, 'received', \
                 1, 1, {extra}, {at}, {at} + 20, {at} + 20, '{{\"status\":\"active\"}}', {decided} FROM {source} WHERE {is_inbound}",
                id(Of::Message)
            ),
            format!(
                "INSERT INTO messages (id, conversation_id, channel, direction, sender, recipient, text, status, segments, \
                 extra, created_at, updated_at, sent_at, delivered_at, gate) \
                 SELECT {}, {conversation_id}, 'sms', 'outbound', '{NUMBER}', {address}, {nothing}, \
                 CASE WHEN {waits} THEN 'pending' ELSE 'delivered' END, 1, {none}, {at}, {at} + 900, \
                 CASE WHEN {waits} THEN NULL ELSE {at} + 300 END, CASE WHEN {waits} THEN NULL ELSE {at} + 900 END, \
                 '{{\"consent\":\"never_opted_out\",\"verdict\":\"allowed\"}}' FROM {source} WHERE NOT {is_inbound}",
                id(Of::Message)
            ),
            format!(
                "INSERT INTO parts (id, message_id, conversation_id, channel, position, sender, recipient, text, media, state, \
                 status, provider_id, segments, attempts, due_at, created_at, updated_at) \
                 SELECT {}, {}, {conversation_id}, 'sms', 0, '{NUMBER}', {address}, {nothing}, {none}, \
                 CASE WHEN {waits} THEN 'queued' ELSE 'settled' END, CASE WHEN {waits} THEN 'pending' ELSE 'delivered' END, \
                 CASE WHEN {waits} THEN NULL ELSE {outbound} END, 1, CASE WHEN {waits} THEN 0 ELSE 1 END, \
                 CASE WHEN {waits} THEN {tomorrow} ELSE {at} END, {at}, {at} + 900 FROM {source} WHERE NOT {is_inbound}",
                id(Of::Part),
                id(Of::Message)
            ),
            format!(
                "INSERT INTO attempts (id, part_id, number, started_at, finished_at, outcome, exchange) \
                 SELECT {}, {}, 1, {at} + 5, {at} + 120, 'accepted', \
                 '{{\"method\":\"POST\",\"path\":\"/2010-04-01/Accounts/Messages.json\",\"request_bytes\":170,\"response_bytes\":734,\"status\":201}}' \
                 FROM {source} WHERE NOT {is_inbound} AND NOT {waits}",
                id(Of::Attempt),
                id(Of::Part)
            ),
            observed(Of::Sent, "sent", " AND n % 3 = 0"),
            observed(Of::Delivered, "delivered", ""),
        ]
    }
}

fn hyphenated(millis: i64, of: Of, number: i64) -> String {
    let hex = format!("{millis:012x}7{:03x}8{number:015x}", of as u32);
    let at = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [at(0, 8), at(8, 12), at(12, 16), at(16, 20), at(20, 32)].join("-")
}
