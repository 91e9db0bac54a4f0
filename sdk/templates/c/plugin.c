// Greets whoever writes for the first time, and again after a while.
//
// bindings/ is what wit/plugin.wit generates for C, and stays as it is. All hooks are there; those that
// the manifest does not name are never called. Nothing is kept in variables: each call may run in a
// fresh sandbox.

#include <stdlib.h>
#include <string.h>

#include "bindings/recado_plugin.h"
#include "json.h"

static const char SCHEMA[] = {{schema}};

static const double DAY = 24.0 * 3600000.0;

void exports_recado_plugin_about_describe(exports_recado_plugin_about_manifest_t *ret) {
  memset(ret, 0, sizeof *ret);
  recado_plugin_string_dup(&ret->name, "{{name}}");
  recado_plugin_string_dup(&ret->version, "0.1.0");
  recado_plugin_string_dup(&ret->description, "Greets whoever writes for the first time.");
  recado_plugin_string_dup(&ret->config_schema, SCHEMA);
  ret->hooks = RECADO_PLUGIN_TYPES_HOOKS_INBOUND;
}

// Makes room for so many actions, and says whether the next plugin is asked.
static void decide(recado_plugin_types_decision_t *decision, size_t count, recado_plugin_types_flow_t flow) {
  memset(decision, 0, sizeof *decision);
  decision->flow = flow;
  if (count > 0) {
    decision->actions.ptr = calloc(count, sizeof *decision->actions.ptr);
    decision->actions.len = count;
  }
}

static bool fail(recado_plugin_types_failure_t *failure, const char *reason) {
  failure->tag = RECADO_PLUGIN_TYPES_FAILURE_FAILED;
  recado_plugin_string_dup(&failure->val.failed, reason);
  return false;
}

bool exports_recado_plugin_inbound_on_inbound(exports_recado_plugin_inbound_inbound_message_t *message,
                                              exports_recado_plugin_inbound_conversation_t *conversation,
                                              exports_recado_plugin_inbound_context_t *context,
                                              exports_recado_plugin_inbound_decision_t *decision,
                                              exports_recado_plugin_inbound_failure_t *failure) {
  recado_plugin_string_t key;
  recado_plugin_string_set(&key, "greeted");
  recado_plugin_option_string_t greeted;
  recado_plugin_state_failure_t why;
  if (!recado_plugin_state_get(RECADO_PLUGIN_STATE_SCOPE_CONTACT, &key, &greeted, &why)) {
    recado_plugin_state_failure_free(&why);
    return fail(failure, "what it remembers can't be read");
  }
  if (greeted.is_some) {
    recado_plugin_option_string_free(&greeted);
    decide(decision, 0, RECADO_PLUGIN_TYPES_FLOW_PROCEED);
    return true;
  }

  // The gateway has checked what an operator wrote against the schema.
  recado_plugin_string_t config;
  recado_plugin_config_get(&config);
  char *greeting = json_text(config.ptr, config.len, "greeting", "¡Hola! ¿En qué te ayudo?");
  double ttl = json_number(config.ptr, config.len, "again_after_days", 30.0) * DAY;
  recado_plugin_string_free(&config);

  recado_plugin_string_t value;
  recado_plugin_string_set(&value, "yes");
  if (!recado_plugin_state_set(RECADO_PLUGIN_STATE_SCOPE_CONTACT, &key, &value, &ttl, &why)) {
    recado_plugin_state_failure_free(&why);
    free(greeting);
    return fail(failure, "it can't remember anything");
  }
  recado_plugin_string_t line;
  recado_plugin_string_set(&line, "somebody was greeted");
  recado_plugin_log_write(RECADO_PLUGIN_LOG_LEVEL_INFO, &line);

  decide(decision, 2, RECADO_PLUGIN_TYPES_FLOW_PROCEED);
  decision->actions.ptr[0].tag = RECADO_PLUGIN_TYPES_ACTION_REPLY;
  recado_plugin_string_dup(&decision->actions.ptr[0].val.reply.text, greeting);
  decision->actions.ptr[1].tag = RECADO_PLUGIN_TYPES_ACTION_TAG;
  recado_plugin_string_dup(&decision->actions.ptr[1].val.tag, "greeted");
  free(greeting);
  return true;
}

bool exports_recado_plugin_outbound_on_outbound(exports_recado_plugin_outbound_outbound_message_t *message,
                                                exports_recado_plugin_outbound_conversation_t *conversation,
                                                exports_recado_plugin_outbound_context_t *context,
                                                exports_recado_plugin_outbound_verdict_t *verdict,
                                                exports_recado_plugin_outbound_failure_t *failure) {
  memset(verdict, 0, sizeof *verdict);
  verdict->tag = RECADO_PLUGIN_TYPES_VERDICT_ACCEPT;
  return true;
}

bool exports_recado_plugin_status_on_status(exports_recado_plugin_status_status_report_t *report,
                                            exports_recado_plugin_status_conversation_t *conversation,
                                            exports_recado_plugin_status_context_t *context,
                                            exports_recado_plugin_status_decision_t *decision,
                                            exports_recado_plugin_status_failure_t *failure) {
  decide(decision, 0, RECADO_PLUGIN_TYPES_FLOW_PROCEED);
  return true;
}

bool exports_recado_plugin_timers_on_timer(exports_recado_plugin_timers_timer_t *timer,
                                           exports_recado_plugin_timers_conversation_t *conversation,
                                           exports_recado_plugin_timers_context_t *context,
                                           exports_recado_plugin_timers_decision_t *decision,
                                           exports_recado_plugin_timers_failure_t *failure) {
  decide(decision, 0, RECADO_PLUGIN_TYPES_FLOW_PROCEED);
  return true;
}
