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
const notYet = process.env.RECADO_NOT_YET.split(" ");
const customer = "+529981122335";
const other = "+529985550101";
const optedOut = "+529981121610";
const nobody = `SM${"0".repeat(32)}`;
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
    assert(error.message && error.moreInfo.endsWith(`/${code}`), error.moreInfo);
    return true;
  }, `not refused with ${status} ${code}; if it is built now, take it out of NOT_YET`);
}

async function messages() {
  const statusCallback = `${own}/status?a=b%20c`;
  const sent = await client.messages.create({ to: customer, from: number, body: "Hola ñandú 👍", statusCallback });
  assert.deepEqual([sent.body, sent.to, sent.from, sent.accountSid], ["Hola ñandú 👍", customer, number, account]);
  assert.equal((await heard("/status?a=b%20c", { MessageStatus: "delivered" })).MessageSid, sent.sid);
  const fetched = await client.messages(sent.sid).fetch();
  assert.deepEqual([fetched.status, fetched.direction, fetched.numSegments], ["delivered", "outbound-api", "1"]);
  assert(fetched.dateSent >= fetched.dateCreated);

  assert.equal((await client.messages(sent.sid).update({ body: "" })).body, "");
  assert.equal(await client.messages(sent.sid).remove(), true);
  await refused(404, 20404, client.messages(sent.sid).fetch());
  await refused(404, 20404, client.messages(sent.sid).remove());
}

async function media() {
  const sent = await client.messages.create({ to: customer, from: number, mediaUrl: [picture, picture] });
  assert.deepEqual([sent.sid.slice(0, 2), sent.numMedia], ["MM", "2"]);
  const mine = client.messages(sent.sid).media;
  const listed = await mine.list();
  const kind = notYet.includes("types") ? "application/octet-stream" : "image/png";
  assert.deepEqual(listed.map((one) => one.contentType), [kind, kind]);
  assert.equal((await client.messages(sent.sid).media(listed[1].sid).fetch()).uri, listed[1].uri);
  await refused(404, 20404, client.messages(nobody).media.list());
  // The address without its ending is the file.
  const authorization = `Basic ${Buffer.from(`${account}:${password}`).toString("base64")}`;
  const address = base + listed[0].uri.replace(".json", "");
  const file = await fetch(address, { headers: { authorization }, redirect: "manual" });
  assert.deepEqual([file.status, file.headers.get("location")], [307, picture]);
  await until("the delivery", async () => (await client.messages(sent.sid).fetch()).status === "delivered");
  if (sandbox) {
    assert.equal(await client.messages(sent.sid).media(listed[0].sid).remove(), true);
    assert.deepEqual((await mine.list()).map((one) => one.sid), [listed[1].sid]);
  }
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
  await pages(sids);
}

/** Message by message and page by page, on and back, while others come in. */
async function pages(sids) {
  const wish = { to: other, from: number, pageSize: 2 };
  for (const limit of [undefined, 4]) {
    const seen = [];
    await client.messages.each({ ...wish, limit }, (one) => seen.push(one.sid));
    assert.deepEqual(seen, sids.slice(0, limit));
  }
  const some = [];
  await client.messages.each(wish, (one, done) => some.push(one.sid) === 3 && done());
  assert.deepEqual(some, sids.slice(0, 3));
  const seen = [await client.messages.page(wish)];
  assert.equal(seen[0].previousPageUrl, undefined);
  const newer = (await client.messages.create({ to: other, from: number, body: "Otro" })).sid;
  for (let page = seen[0]; (page = await page.nextPage()); ) seen.push(page);
  assert.equal(seen.at(-1).nextPageUrl, undefined);
  seen.push(await client.messages.getPage(seen[0].nextPageUrl), await seen.at(-1).previousPage());
  seen.push(await seen.at(-1).previousPage());
  const inner = seen.map((page) => page.instances.map((one) => one.sid));
  const middle = sids.slice(2, 4);
  assert.deepEqual(inner, [sids.slice(0, 2), middle, sids.slice(4), middle, middle, [newer, sids[0]]]);
}

async function later() {
  const sendAt = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3600 * 1000);
  const wish = { to: customer, messagingServiceSid: service, body: "Luego", scheduleType: "fixed", sendAt };
  const kept = await client.messages.create({ ...wish, statusCallback: `${own}/canceled` });
  assert.deepEqual([kept.status, kept.messagingServiceSid], ["scheduled", service]);
  await refused(409, 20009, client.messages(kept.sid).remove());
  const taken = await until("the end of the handing over", () => cancel(kept.sid));
  assert.equal(taken.status, "canceled");
  assert.equal((await heard("/canceled", { MessageStatus: "canceled" })).MessageSid, kept.sid);
  await refused(400, 30409, client.messages(kept.sid).update({ status: "canceled" }));
}

/** The message taken back; nothing if it may not be taken back while it is being handed over. */
async function cancel(sid) {
  try {
    return await client.messages(sid).update({ status: "canceled" });
  } catch (error) {
    if (error.code !== 30409 || !notYet.includes("cancel")) throw error;
    return undefined;
  }
}

async function errors() {
  const create = (parameters) => client.messages.create(parameters);
  await refused(400, 21211, create({ to: "+0529981122", from: number, body: "Hola" }));
  await refused(400, 21602, create({ to: customer, from: number }));
  await refused(400, 21617, create({ to: customer, from: number, body: "a".repeat(1601) }));
  if (!sandbox) {
    // Recado learns from its provider who has opted out.
    const { sid } = await create({ to: optedOut, from: number, body: "Hola" });
    await until("the refusal", async () => (await client.messages(sid).fetch()).errorCode === 21610);
  }
  await refused(400, 21610, create({ to: optedOut, from: number, body: "Hola" }));
  await refused(404, 20404, client.messages(nobody).fetch());
  await refused(404, 20404, client.messages(nobody).update({ body: "" }));
  await refused(401, 20003, connect("wrong").messages.list({ limit: 1 }));
}

async function services() {
  const sent = await client.messages.create({
    to: customer, messagingServiceSid: service, body: "“Hola”", smartEncoded: true, shortenUrls: true,
    provideFeedback: true, validityPeriod: 600, riskCheck: "disable",
  });
  assert.deepEqual([sent.status, sent.from, sent.messagingServiceSid], ["accepted", null, service]);
  await until("the delivery", async () => (await client.messages(sent.sid).fetch()).status === "delivered");
  const fetched = await client.messages(sent.sid).fetch();
  assert.deepEqual([fetched.from, fetched.messagingServiceSid, fetched.numSegments], [number, service, "1"]);
  const tell = (outcome) => client.messages(sent.sid).feedback.create({ outcome });
  for (const outcome of ["unconfirmed", "confirmed"]) {
    const kept = await tell(outcome);
    assert.deepEqual([kept.outcome, kept.messageSid, kept.accountSid], [outcome, sent.sid, account]);
  }
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
for (const test of [messages, media, lists, later, errors, services]) await test();
for (const test of sandbox ? [numbers, lookups] : []) await test();
console.log("all is as with Twilio");
process.exit(0);
