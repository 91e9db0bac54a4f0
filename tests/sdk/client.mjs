// Twilio's own client for Node, at work against another address than Twilio's; what client.py is for
// Python.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const twilio = createRequire(join(process.env.RECADO_TEST_SDKS, "node_modules", "x.js"))("twilio");
const { RECADO_BASE: base, RECADO_ACCOUNT: account, RECADO_PASSWORD: password, RECADO_TOKEN: token } = process.env;
const { RECADO_NUMBER: number, RECADO_SERVICE: service, RECADO_SANDBOX: sandbox } = process.env;
const customer = "+529981122335";
const other = "+529985550101";
const picture = "https://example.com/picture.png";

/** Sends to another host what the client means for Twilio's. */
class Elsewhere extends twilio.RequestClient {
  request(options) {
    const { pathname, search } = new URL(options.uri);
    return super.request({ ...options, uri: base + pathname + search });
  }
}

const connect = (secret) => twilio(account, secret, { httpClient: new Elsewhere() });
const client = connect(password);
const calls = [];
let own;

/** Takes webhooks, and lets Twilio's own validator judge them. */
const server = createServer(async (request, response) => {
  let text = "";
  for await (const piece of request) text += piece;
  const form = Object.fromEntries(new URLSearchParams(text));
  const judge = (secret) =>
    twilio.validateRequest(secret, request.headers["x-twilio-signature"] ?? "", own + request.url, form);
  calls.push({ path: request.url, form, signed: judge(token) && !judge("another") });
  response.writeHead(204).end();
});

async function until(what, look) {
  for (const deadline = Date.now() + 20000; Date.now() < deadline; await pause(50)) {
    const seen = await look();
    if (seen) return seen;
  }
  assert.fail(`${what} did not come`);
}

async function heard(path, wanted) {
  const fits = (call) => call.path === path && Object.entries(wanted).every(([name, value]) => call.form[name] === value);
  const call = await until(path, () => calls.find(fits));
  assert(call.signed, `${path} is not signed as Twilio does: ${JSON.stringify(call.form)}`);
  return call.form;
}

async function refused(status, code, promise) {
  await assert.rejects(promise, (error) => {
    assert(error instanceof twilio.RestException, String(error));
    assert.deepEqual([error.status, error.code], [status, code], error.message);
    return true;
  });
}

async function messages() {
  const statusCallback = `${own}/status?a=b%20c`;
  const sent = await client.messages.create({ to: customer, from: number, body: "Hola ñandú 👍", statusCallback });
  assert.deepEqual([sent.body, sent.to, sent.from, sent.accountSid], ["Hola ñandú 👍", customer, number, account]);
  assert.equal((await heard("/status?a=b%20c", { MessageStatus: "delivered" })).MessageSid, sent.sid);
  const fetched = await client.messages(sent.sid).fetch();
  assert.deepEqual([fetched.status, fetched.direction, fetched.numSegments], ["delivered", "outbound-api", "1"]);
  assert(fetched.dateSent >= fetched.dateCreated);

  const media = await client.messages.create({ to: customer, from: number, mediaUrl: [picture, picture] });
  assert.deepEqual([media.sid.slice(0, 2), media.numMedia], ["MM", "2"]);
  const listed = await client.messages(media.sid).media.list();
  assert.deepEqual(listed.map((one) => one.contentType), ["image/png", "image/png"]);
  await until("the delivery", async () => (await client.messages(media.sid).fetch()).status === "delivered");
  assert.equal((await client.messages(sent.sid).update({ body: "" })).body, "");
  assert.equal(await client.messages(sent.sid).remove(), true);
  await refused(404, 20404, client.messages(sent.sid).fetch());
}

async function lists() {
  const sids = [];
  for (let n = 0; n < 5; n += 1) {
    sids.unshift((await client.messages.create({ to: other, from: number, body: `Numero ${n}` })).sid);
  }
  const list = async (filters) => (await client.messages.list({ to: other, pageSize: 2, ...filters })).map((one) => one.sid);
  await until("the sending", async () => (await client.messages.list({ to: other })).every((one) => one.dateSent));
  assert.deepEqual(await list({}), sids);
  assert.deepEqual(await list({ from: number, limit: 3 }), sids.slice(0, 3));
  const days = (count) => new Date(Date.now() + count * 24 * 3600 * 1000);
  assert.deepEqual(await list({ dateSentAfter: days(-1), dateSentBefore: days(1) }), sids);
  assert.deepEqual(await list({ dateSentAfter: days(1) }), []);
  assert.deepEqual(await list({ dateSentBefore: days(-1) }), []);
  assert.deepEqual(await list({ dateSent: days(-9) }), []);
}

async function later() {
  const sendAt = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3600 * 1000);
  const wish = { to: customer, messagingServiceSid: service, body: "Luego", scheduleType: "fixed", sendAt };
  const kept = await client.messages.create({ ...wish, statusCallback: `${own}/canceled` });
  assert.deepEqual([kept.status, kept.messagingServiceSid], ["scheduled", service]);
  assert.equal((await client.messages(kept.sid).update({ status: "canceled" })).status, "canceled");
  assert.equal((await heard("/canceled", { MessageStatus: "canceled" })).MessageSid, kept.sid);
  await refused(400, 30409, client.messages(kept.sid).update({ status: "canceled" }));
}

async function errors() {
  const create = (parameters) => client.messages.create(parameters);
  await refused(400, 21211, create({ to: "+0529981122", from: number, body: "Hola" }));
  await refused(400, 21602, create({ to: customer, from: number }));
  await refused(400, 21617, create({ to: customer, from: number, body: "a".repeat(1601) }));
  await refused(404, 20404, client.messages(`SM${"0".repeat(32)}`).fetch());
  await refused(401, 20003, connect("wrong").messages.list({ limit: 1 }));
}

async function feedback() {
  const sent = await client.messages.create({ to: customer, from: number, body: "Su clave", provideFeedback: true });
  const told = await client.messages(sent.sid).feedback.create({ outcome: "unconfirmed" });
  assert.deepEqual([told.messageSid, told.outcome], [sent.sid, "unconfirmed"]);
  assert.equal((await client.messages(sent.sid).fetch()).subresourceUris.feedback, told.uri);
}

async function services() {
  const sent = await client.messages.create({
    to: customer, messagingServiceSid: service, body: "“Hola”", smartEncoded: true, shortenUrls: true,
    provideFeedback: true, validityPeriod: 600, riskCheck: "disable",
  });
  assert.deepEqual([sent.status, sent.from, sent.numSegments], ["accepted", null, "0"]);
}

async function numbers() {
  const [found] = await client.incomingPhoneNumbers.list({ phoneNumber: number });
  assert.equal(found.capabilities.sms, true);
  const updated = await client.incomingPhoneNumbers(found.sid).update({ smsUrl: `${own}/inbound`, smsMethod: "POST" });
  assert.equal(updated.smsUrl, `${own}/inbound`);
  const body = JSON.stringify({ from: customer, text: "¿Abren?" });
  const headers = { "content-type": "application/json" };
  assert((await fetch(`${sandbox}/sandbox/messages`, { method: "POST", headers, body })).ok);
  assert.equal((await heard("/inbound", { From: customer })).Body, "¿Abren?");
}

async function lookups() {
  const told = await client.lookups.v2.phoneNumbers(customer).fetch({ fields: "line_type_intelligence" });
  assert.deepEqual([told.valid, told.countryCode, told.lineTypeIntelligence.type], [true, "MX", "mobile"]);
  const national = await client.lookups.v2.phoneNumbers("5512345678").fetch({ countryCode: "MX" });
  assert.equal(national.phoneNumber, "+525512345678");
}

server.listen(0, "127.0.0.1");
await once(server, "listening");
own = `http://127.0.0.1:${server.address().port}`;
await messages();
await lists();
await later();
await errors();
await feedback();
if (sandbox) {
  await services();
  await numbers();
  await lookups();
}
console.log("all is as with Twilio");
process.exit(0);
