//! What test components may take of the host, in component text.

/// One or more interfaces, and the functions of them that the core module gets.
#[derive(Clone, Copy, Debug)]
pub(in crate::plugins) struct Import {
    instance: &'static str,
    /// The name in the core module, which function it is, and its core type.
    functions: &'static [(&'static str, &'static str, &'static str)],
}

impl Import {
    /// One that is there, and of which nothing is used.
    pub(super) const fn unused(instance: &'static str) -> Self {
        Self { instance, functions: &[] }
    }

    pub(super) fn instance(&self) -> String {
        self.instance.to_owned()
    }

    pub(super) fn lowered(&self) -> String {
        let options = r#"(memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))"#;
        let functions = self.functions.iter();
        let lines = functions.map(|(name, of, _)| format!("(core func ${name} (canon lower {of} {options}))"));
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(super) fn given(&self) -> String {
        let lines = self.functions.iter().map(|(name, ..)| format!("(export \"{name}\" (func ${name}))"));
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(super) fn taken(&self) -> String {
        let functions = self.functions.iter();
        let lines = functions.map(|(name, _, of)| format!("(import \"host\" \"{name}\" (func ${name} {of}))"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// `$get` leaves what it found, or why not, in a place that is its last argument; so does `$set`.
pub(super) const STATE: Import = Import {
    instance: r#"(import "recado:plugin/state@0.1.0" (instance $state
      (type $t-scope (enum "conversation" "contact" "global"))
      (export "scope" (type $scope (eq $t-scope)))
      (type $t-failure (variant (case "no-such-scope") (case "too-large" u32) (case "quota" string)
        (case "unavailable" string)))
      (export "failure" (type $failure (eq $t-failure)))
      (export "get" (func (param "scope" $scope) (param "key" string)
        (result (result (option string) (error $failure)))))
      (export "set" (func (param "scope" $scope) (param "key" string) (param "value" string)
        (param "ttl" (option f64)) (result (result (error $failure)))))))"#,
    functions: &[
        ("get", r#"(func $state "get")"#, "(param i32 i32 i32 i32)"),
        ("set", r#"(func $state "set")"#, "(param i32 i32 i32 i32 i32 i32 f64 i32)"),
    ],
};

/// `$send` takes the record's fields, and leaves its answer in a place that is its last argument.
pub(super) const FETCH: Import = Import {
    instance: r#"(import "recado:plugin/fetch@0.1.0" (instance $fetch
      (type $t-request (record (field "method" string) (field "url" string)
        (field "headers" (list (tuple string string))) (field "body" (option string)) (field "timeout" (option u32))))
      (export "request" (type $request (eq $t-request)))
      (type $t-response (record (field "status" u32) (field "headers" (list (tuple string string)))
        (field "body" string)))
      (export "response" (type $response (eq $t-response)))
      (type $t-failure (variant (case "not-allowed" string) (case "timeout") (case "too-large" u32)
        (case "budget" string) (case "failed" string)))
      (export "failure" (type $failure (eq $t-failure)))
      (export "send" (func (param "request" $request) (result (result $response (error $failure)))))))"#,
    functions: &[("send", r#"(func $fetch "send")"#, "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)")],
};

pub(super) const RANDOM: Import = Import {
    instance: r#"(import "recado:plugin/random@0.1.0" (instance $random (export "next" (func (result u32)))))"#,
    functions: &[("next", r#"(func $random "next")"#, "(result i32)")],
};

/// `$print` takes a stream from `$stderr`; `$sleep` nanoseconds, and `$block` what it gives.
pub(super) const WASI: Import = Import {
    instance: r#"
      (import "wasi:io/error@0.2.0" (instance $io-error (export "error" (type (sub resource)))))
      (alias export $io-error "error" (type $error))
      (import "wasi:io/poll@0.2.0" (instance $io-poll
        (export "pollable" (type $pollable (sub resource)))
        (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
      (alias export $io-poll "pollable" (type $pollable))
      (import "wasi:io/streams@0.2.0" (instance $io-streams
        (export "output-stream" (type $output-stream (sub resource)))
        (alias outer 1 $error (type $outer-error))
        (export "error" (type $error (eq $outer-error)))
        (type $t-stream-error (variant (case "last-operation-failed" (own $error)) (case "closed")))
        (export "stream-error" (type $stream-error (eq $t-stream-error)))
        (export "[method]output-stream.blocking-write-and-flush" (func (param "self" (borrow $output-stream))
          (param "contents" (list u8)) (result (result (error $stream-error)))))))
      (alias export $io-streams "output-stream" (type $output-stream))
      (import "wasi:cli/stderr@0.2.0" (instance $cli-stderr
        (alias outer 1 $output-stream (type $outer-stream))
        (export "output-stream" (type $output-stream (eq $outer-stream)))
        (export "get-stderr" (func (result (own $output-stream))))))
      (import "wasi:cli/environment@0.2.0" (instance $cli-environment
        (export "get-environment" (func (result (list (tuple string string)))))))
      (import "wasi:clocks/wall-clock@0.2.0" (instance $wall-clock
        (type $t-datetime (record (field "seconds" u64) (field "nanoseconds" u32)))
        (export "datetime" (type $datetime (eq $t-datetime)))
        (export "now" (func (result $datetime)))))
      (import "wasi:clocks/monotonic-clock@0.2.0" (instance $monotonic-clock
        (alias outer 1 $pollable (type $outer-pollable))
        (export "pollable" (type $pollable (eq $outer-pollable)))
        (export "now" (func (result u64)))
        (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
      (import "wasi:random/random@0.2.0" (instance $wasi-random
        (export "get-random-u64" (func (result u64)))))"#,
    functions: &[
        ("print", r#"(func $io-streams "[method]output-stream.blocking-write-and-flush")"#, "(param i32 i32 i32 i32)"),
        ("stderr", r#"(func $cli-stderr "get-stderr")"#, "(result i32)"),
        ("environment", r#"(func $cli-environment "get-environment")"#, "(param i32)"),
        ("wall-now", r#"(func $wall-clock "now")"#, "(param i32)"),
        ("monotonic-now", r#"(func $monotonic-clock "now")"#, "(result i64)"),
        ("sleep", r#"(func $monotonic-clock "subscribe-duration")"#, "(param i64) (result i32)"),
        ("block", r#"(func $io-poll "[method]pollable.block")"#, "(param i32)"),
        ("random-u64", r#"(func $wasi-random "get-random-u64")"#, "(result i64)"),
    ],
};

/// Files and sockets. `$tcp`, `$udp` and `$lookup` leave what they got, or why they did not, in a place that
/// is their last argument; so does `$directories`.
pub(super) const OUTSIDE: Import = Import {
    instance: r#"
      (import "wasi:filesystem/types@0.2.0" (instance $files (export "descriptor" (type (sub resource)))))
      (alias export $files "descriptor" (type $descriptor))
      (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
        (alias outer 1 $descriptor (type $outer-descriptor))
        (export "descriptor" (type $descriptor (eq $outer-descriptor)))
        (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
      (import "wasi:sockets/network@0.2.0" (instance $network
        (export "network" (type (sub resource)))
        (type $t-error-code (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory"
          "timeout" "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit"
          "address-not-bindable" "address-in-use" "remote-unreachable" "connection-refused" "connection-reset"
          "connection-aborted" "datagram-too-large" "name-unresolvable" "temporary-resolver-failure"
          "permanent-resolver-failure"))
        (export "error-code" (type (eq $t-error-code)))
        (type $t-family (enum "ipv4" "ipv6"))
        (export "ip-address-family" (type (eq $t-family)))))
      (alias export $network "network" (type $any-network))
      (alias export $network "error-code" (type $error-code))
      (alias export $network "ip-address-family" (type $family))
      (import "wasi:sockets/instance-network@0.2.0" (instance $instance-network
        (alias outer 1 $any-network (type $outer-network))
        (export "network" (type $network (eq $outer-network)))
        (export "instance-network" (func (result (own $network))))))
      (import "wasi:sockets/tcp@0.2.0" (instance $tcp-sockets (export "tcp-socket" (type (sub resource)))))
      (alias export $tcp-sockets "tcp-socket" (type $tcp-socket))
      (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $tcp-create
        (alias outer 1 $tcp-socket (type $outer-socket))
        (export "tcp-socket" (type $socket (eq $outer-socket)))
        (alias outer 1 $error-code (type $outer-code))
        (export "error-code" (type $code (eq $outer-code)))
        (alias outer 1 $family (type $outer-family))
        (export "ip-address-family" (type $family (eq $outer-family)))
        (export "create-tcp-socket" (func (param "address-family" $family)
          (result (result (own $socket) (error $code)))))))
      (import "wasi:sockets/udp@0.2.0" (instance $udp-sockets (export "udp-socket" (type (sub resource)))))
      (alias export $udp-sockets "udp-socket" (type $udp-socket))
      (import "wasi:sockets/udp-create-socket@0.2.0" (instance $udp-create
        (alias outer 1 $udp-socket (type $outer-socket))
        (export "udp-socket" (type $socket (eq $outer-socket)))
        (alias outer 1 $error-code (type $outer-code))
        (export "error-code" (type $code (eq $outer-code)))
        (alias outer 1 $family (type $outer-family))
        (export "ip-address-family" (type $family (eq $outer-family)))
        (export "create-udp-socket" (func (param "address-family" $family)
          (result (result (own $socket) (error $code)))))))
      (import "wasi:sockets/ip-name-lookup@0.2.0" (instance $name-lookup
        (export "resolve-address-stream" (type $stream (sub resource)))
        (alias outer 1 $any-network (type $outer-network))
        (export "network" (type $network (eq $outer-network)))
        (alias outer 1 $error-code (type $outer-code))
        (export "error-code" (type $code (eq $outer-code)))
        (export "resolve-addresses" (func (param "network" (borrow $network)) (param "name" string)
          (result (result (own $stream) (error $code)))))))"#,
    functions: &[
        ("directories", r#"(func $preopens "get-directories")"#, "(param i32)"),
        ("network", r#"(func $instance-network "instance-network")"#, "(result i32)"),
        ("tcp", r#"(func $tcp-create "create-tcp-socket")"#, "(param i32 i32)"),
        ("udp", r#"(func $udp-create "create-udp-socket")"#, "(param i32 i32)"),
        ("lookup", r#"(func $name-lookup "resolve-addresses")"#, "(param i32 i32 i32 i32)"),
    ],
};
