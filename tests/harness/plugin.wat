;; A plugin in component text, with room in braces for what it says and what it does. It is the
;; contract of sdk/wit/plugin.wit written out, without the imports, since these plugins ask the
;; host for nothing.
(component
  (core module $code
    (memory (export "memory") 2)
    (global $free (mut i32) (i32.const 32768))
    ;; What the host hands over is put one behind the other, and nothing is ever freed: an
    ;; instance serves one call.
    (func (export "realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
      (local $at i32)
      (local.set $at
        (i32.and
          (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $free (i32.add (local.get $at) (local.get $new)))
      (local.get $at))
    ;; The manifest: name, version, description, hooks, config-schema.
    (func (export "describe") (result i32)
      (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 4))
      (i32.store (i32.const 8) (i32.const 1028)) (i32.store (i32.const 12) (i32.const 5))
      (i32.store (i32.const 16) (i32.const 1033)) (i32.store (i32.const 20) (i32.const 11))
      (i32.store8 (i32.const 24) (i32.const 1))
      (i32.store (i32.const 28) (i32.const 1044)) (i32.store (i32.const 32) (i32.const 2))
      (i32.const 0))
    (data (i32.const 1024) "test1.0.0For a test.{}")
    (data (i32.const 2048) "{data}")
    ;; The result: at 64 ok or not, at 68 and 72 the actions, at 76 the flow.
    (func $decide (param $actions i32) (result i32)
      (i32.store (i32.const 64) (i32.const 0))
      (i32.store (i32.const 68) (i32.const 128))
      (i32.store (i32.const 72) (local.get $actions))
      (i32.store (i32.const 76) (i32.const 0))
      (i32.const 64))
    (func (export "on-inbound") (param $call i32) (result i32)
      {on-inbound}))
  (core instance $run (instantiate $code))

  (type $hooks' (flags "inbound"))
  (export $hooks "hooks" (type $hooks'))
  (type $manifest' (record
    (field "name" string) (field "version" string) (field "description" string)
    (field "hooks" $hooks) (field "config-schema" string)))
  (export $manifest "manifest" (type $manifest'))
  (type $media' (record (field "url" string) (field "content-type" string)))
  (export $media "media" (type $media'))
  (type $message' (record
    (field "id" string) (field "channel" string) (field "sender" string) (field "recipient" string)
    (field "text" string) (field "media" (list $media)) (field "received-at" f64)
    (field "extra" (list (tuple string string)))))
  (export $message "inbound-message" (type $message'))
  (type $status' (enum "pending" "active" "closed"))
  (export $status "conversation-status" (type $status'))
  (type $conversation' (record
    (field "id" string) (field "status" $status) (field "subject" string) (field "tags" (list string))
    (field "inbound-count" u32) (field "previous-inbound-at" (option f64))))
  (export $conversation "conversation" (type $conversation'))
  (type $context' (record (field "locale" string) (field "time-zone" string) (field "deadline" u32)))
  (export $context "context" (type $context'))
  (type $reply' (record (field "text" string) (field "media" (list string))))
  (export $reply "reply" (type $reply'))
  (type $action' (variant
    (case "reply" $reply) (case "tag" string) (case "untag" string) (case "set-status" $status)
    (case "custom" (tuple string string))))
  (export $action "action" (type $action'))
  (type $flow' (enum "proceed" "stop"))
  (export $flow "flow" (type $flow'))
  (type $decision' (record (field "actions" (list $action)) (field "flow" $flow)))
  (export $decision "decision" (type $decision'))
  (type $failure' (variant (case "bad-config" string) (case "failed" string)))
  (export $failure "failure" (type $failure'))

  (func $describe (result $manifest)
    (canon lift (core func $run "describe") (memory (core memory $run "memory")) (realloc (core func $run "realloc"))))
  (instance $about (export "describe" (func $describe)))
  (export "recado:plugin/about@0.1.0" (instance $about))
  (func $on-inbound
    (param "message" $message) (param "conversation" $conversation) (param "context" $context)
    (result (result $decision (error $failure)))
    (canon lift (core func $run "on-inbound") (memory (core memory $run "memory")) (realloc (core func $run "realloc"))))
  (instance $inbound (export "on-inbound" (func $on-inbound)))
  (export "recado:plugin/inbound@0.1.0" (instance $inbound)))
