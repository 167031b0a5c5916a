// socket.js: the connection to the server: JSON in and out, whether it still lives, and a new one when it does not.
//
// The server keeps our session for a while after a connection has ended (src/wire/README.md, "Coming back"): a token opens the next one to it, and
// no event is lost or comes twice. A browser answers the server's pings without telling the page, and calls a connection open for a
// quarter of an hour after it has died. So the page asks, and where it has reason to distrust the connection, opens another that takes over.

import { SHUT_OUT, TAKEN_OVER } from './words.js';

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15000;
const LONGEST_RETURN_MS = 2000; // who is waited for hurries
const SLOW_CODES = [1008, 1013]; // told to go easy, or the server is full
const FINAL_CODES = [SHUT_OUT, TAKEN_OVER];
const ENDS = [1001, 1012, ...SLOW_CODES, ...FINAL_CODES]; // of the session as well
const OPENING_MS = 15000;
const RETURNING_MS = 5000;
const ANSWER_MS = 8000;
const ASK_GAP_MS = 5500;  // what is asked sooner is dropped
const SILENCE_MS = 20000;
const CHECK_EVERY_MS = 5000;
const AWAY_MS = 10000;
const ACK_MS = 1000;
const ACK_EVENTS = 8;     // the server keeps 64 of them, or 64 KiB
const ACK_LETTERS = 8192;
const GONE = 1006;
const DONE = 1000; // we do not come back
const BACK_SOON = 3001;

export class Socket {
  #on;
  #ws = null;
  #former = null;  // the one that is being taken over
  #attempts = 0;
  #timer = 0;      // until the next attempt
  #deadline = 0;   // of the opening
  #answer = 0;     // timer; 0: nothing was asked
  #ackTimer = 0;
  #lastCode = 0;
  #isPaused = false;
  #isOpening = true;
  #token = '';     // '': there is no coming back
  #forMs = 0;
  #seq = 0;        // of the last event
  #ackedSeq = 0;
  #letters = 0;    // of events since
  #n = 0;          // of our last text
  #pending = [];
  #isUnanswering = false; // a server that knows no such question
  #hasAnswered = false;
  #askedAt = -Infinity;
  #heardAt = 0;
  #checkedAt = performance.now();
  #hiddenAt = 0;

  /** on.message(object) for every message; on.taken(n): our texts up to n have arrived; on.lost(code, wasOpen, mayReturn) when a connection ends or
   *  cannot be made; on.keep(): write down what a reload needs; on.isChatting(). */
  constructor(on) {
    this.#on = on;
    addEventListener('online', () => this.#comeBack());
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#hiddenAt = performance.now();
      else if (performance.now() - this.#hiddenAt >= AWAY_MS) this.#comeBack();
      else this.#hurry();
    });
    setInterval(() => this.#check(), CHECK_EVERY_MS);
  }

  /** What a page that is loaded again needs in order to go on. */
  snapshot() {
    return { token: this.#token, forMs: this.#forMs, seq: this.#seq, n: this.#n };
  }

  adopt({ token, forMs, seq, n }) {
    this.#token = token;
    this.#forMs = forMs;
    this.#seq = this.#ackedSeq = seq;
    this.#n = n;
  }

  get canReturn() {
    return this.#token !== '';
  }

  get returnMs() {
    return this.#forMs;
  }

  get token() {
    return this.#token;
  }

  get isOpen() {
    return this.#ws?.readyState === WebSocket.OPEN && !this.#isOpening;
  }

  /** The number of the next text; 0: the server counts none. */
  nextNumber() {
    return this.#token ? ++this.#n : 0;
  }

  /** Whether it was handed to an open connection. */
  send(type, data, n) {
    if (!this.isOpen) return false;
    this.#write({ type, data, n: n || undefined });
    return true;
  }

  /** What must be said when we are back, if not now. */
  sendSurely(type, data) {
    if (!this.send(type, data) && this.#token) this.#pending.push([type, data]);
  }

  sendPending() {
    for (const [type, data] of this.#pending.splice(0)) this.send(type, data);
  }

  connect() {
    const query = this.#token ? `resume=${this.#token}&seq=${this.#seq}` : 'resume=new';
    const url = new URL(`ws/textchat/?${query}`, document.baseURI); // the page may live below a path
    url.protocol = url.protocol.replace('http', 'ws');
    const ws = new WebSocket(url);
    this.#ws = ws;
    this.#timer = 0;
    this.#isOpening = true;
    this.#deadline = setTimeout(() => this.#end(GONE), this.#token ? RETURNING_MS : OPENING_MS);
    ws.onmessage = event => this.#receive(event.data);
    ws.onclose = event => this.#end(event.code);
  }

  /** A new session instead of this one, at once. */
  renew() {
    this.#isPaused = false;
    this.#forget(DONE);
    this.connect();
  }

  /** The page goes away, perhaps to be shown again. isComing: the server may wait for us. */
  pause(isComing) {
    this.#isPaused = true;
    this.#forget(isComing ? BACK_SOON : DONE);
  }

  resume() {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#attempts = 0;
    this.connect();
  }

  /** There is reason to believe that the connection is dead. Another one takes over: a server that still has the old one closes that. */
  distrust() {
    if (this.#isPaused || this.#isOpening) return;
    if (!this.#token) return this.#end(GONE);
    const ws = this.#ws;
    this.#ws = null; // what would come by it comes again
    this.#forget();
    ws.onmessage = ws.onclose = null;
    this.#former = ws;
    this.#on.lost(GONE, true, true);
    this.connect();
  }

  /** Another window takes over: nothing that comes any more is ours to acknowledge. */
  standAside() {
    clearTimeout(this.#ackTimer);
    if (this.#ws) this.#ws.onmessage = null;
  }

  #write(request) {
    if (this.#token && this.#seq > this.#ackedSeq) {
      this.#on.keep(); // the server forgets what we say that we have
      request.ack = this.#ackedSeq = this.#seq;
      this.#letters = 0;
      clearTimeout(this.#ackTimer);
      this.#ackTimer = 0;
    }
    this.#ws.send(JSON.stringify(request));
  }

  /** Without a word to the page. After DONE there is no coming back. */
  #forget(code = BACK_SOON) {
    for (const timer of [this.#timer, this.#deadline, this.#answer, this.#ackTimer]) clearTimeout(timer);
    this.#timer = this.#answer = this.#ackTimer = 0;
    for (const ws of [this.#former, this.#ws]) {
      if (!ws) continue;
      ws.onmessage = ws.onclose = null;
      ws.close(code);
    }
    this.#former = this.#ws = null;
    this.#isOpening = true;
    if (code !== DONE) return;
    this.#token = '';
    this.#pending = [];
  }

  #receive(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (typeof message?.type !== 'string') return;
    const { type, data, seq } = message;
    this.#heardAt = performance.now();
    if (type === 'connection_established' || type === 'resumed') this.#onWelcome(message);
    else if (seq <= this.#seq) return;
    else if (seq) this.#seq = seq;
    if (type === 'ack' || (type === 'error' && data?.request === 'ack')) this.#onAnswer(data);
    else this.#on.message(message);
    if (!this.#token || !this.isOpen) return;
    this.#letters += text.length;
    if (type === 'success_matched' || this.#seq - this.#ackedSeq >= ACK_EVENTS || this.#letters >= ACK_LETTERS) this.#acknowledge();
    else this.#ackTimer ||= setTimeout(() => this.#acknowledge(), ACK_MS);
  }

  #onWelcome({ type, data, seq }) {
    this.#attempts = 0; // only now: a server that accepts and closes at once must not be called every half second
    this.#isOpening = false;
    clearTimeout(this.#deadline);
    this.#former?.close(BACK_SOON);
    this.#former = null;
    if (type === 'resumed') {
      this.#token = data.token;
      this.#n = Math.max(this.#n, data.n);
      this.#on.keep(); // before anything else: the old token is spent once we are heard
      return;
    }
    this.#token = data.resume?.token ?? '';
    this.#forMs = data.resume?.for_ms ?? 0;
    this.#seq = seq ?? 0;
    this.#ackedSeq = this.#n = 0;
    this.#pending = [];
    this.#isUnanswering = this.#hasAnswered = false;
  }

  #acknowledge() {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = 0;
    if (this.isOpen && this.#seq > this.#ackedSeq) this.#write({ type: 'ack' });
  }

  /** Whether the connection lives. */
  #ask() {
    const now = performance.now();
    if (!this.isOpen || this.#answer || this.#isUnanswering || now - this.#askedAt < ASK_GAP_MS) return;
    this.#askedAt = now;
    this.#write({ type: 'ack', echo: true });
    if (this.#token || this.#hasAnswered) this.#answer = setTimeout(() => this.distrust(), ANSWER_MS);
  }

  #onAnswer(data) {
    clearTimeout(this.#answer);
    this.#answer = 0;
    if (data?.code === 'unknown_type') this.#isUnanswering = true;
    else this.#hasAnswered = true;
    if (Number.isInteger(data?.n)) this.#on.taken(data.n);
  }

  #end(code) {
    const wasOpen = !this.#isOpening;
    this.#forget(ENDS.includes(code) ? DONE : BACK_SOON);
    this.#lastCode = code;
    if (!FINAL_CODES.includes(code)) this.#timer = setTimeout(() => this.connect(), this.#delay());
    this.#on.lost(code, wasOpen, this.#token !== '');
  }

  /** Half of it is jitter: a thousand clients of a restarted server must not all come back at once. */
  #delay() {
    const longest = this.#token ? LONGEST_RETURN_MS : LONGEST_DELAY_MS;
    const full = SLOW_CODES.includes(this.#lastCode) ? LONGEST_DELAY_MS : Math.min(longest, FIRST_DELAY_MS * 2 ** this.#attempts);
    this.#attempts++;
    return full / 2 + Math.random() * full / 2;
  }

  /** The network or the user is back: the rest of a wait for them is pointless. */
  #hurry() {
    if (!this.#timer || SLOW_CODES.includes(this.#lastCode)) return;
    clearTimeout(this.#timer);
    this.connect();
  }

  /** Much may have happened meanwhile. */
  #comeBack() {
    this.#hurry();
    if (this.#token && this.#on.isChatting()) this.distrust();
    else this.#ask();
  }

  /** In the background timers come late anyhow. */
  #check() {
    const now = performance.now();
    const isLate = now - this.#checkedAt > 2 * CHECK_EVERY_MS && !document.hidden; // the device has slept
    this.#checkedAt = now;
    if (isLate) this.#comeBack();
    else if (now - this.#heardAt > SILENCE_MS) this.#ask();
  }
}
