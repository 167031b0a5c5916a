// socket.js: the connection to the server: JSON in and out, whether it still lives, and a new one when it does not.
//
// A browser answers the server's pings without telling the page, and calls a connection open for a quarter of an hour after it has died.
// So the page asks: the server answers each request in turn, one of a type that it does not know as well, and with the answer it has
// taken all that was sent before. A server that has never answered is not distrusted.

import { SHUT_OUT, TAKEN_OVER } from './words.js';

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15000;
const SLOW_CODES = [1008, 1013]; // told to go easy, or the server is full
const FINAL_CODES = [SHUT_OUT, TAKEN_OVER];
const OPENING_MS = 15000;
const ANSWER_MS = 8000;
const ASK_EVERY_MS = 1000;  // at most: each costs one of the chat messages that a user may send
const SILENCE_MS = 20000;
const CHECK_EVERY_MS = 5000;
const AWAY_MS = 10000;
const GONE = 1006;

export class Socket {
  #on;
  #ws = null;
  #attempts = 0;
  #timer = 0;      // until the next attempt
  #deadline = 0;   // of the opening, or of an answer
  #askTimer = 0;
  #lastCode = 0;
  #isPaused = false;
  #isOpening = false;
  #hasEverAnswered = false;
  #serial = 0;     // of the last request
  #asked = 0;      // the serial that the question under way covers; 0: none is
  #askedAt = -Infinity;
  #heardAt = 0;
  #checkedAt = performance.now();
  #hiddenAt = 0;

  /** on.message(object) for every message; on.taken(serial): the server has everything up to there; on.lost(code, wasOpen) when a connection
   *  ends or cannot be made. */
  constructor(on) {
    this.#on = on;
    addEventListener('online', () => this.#comeBack());
    document.addEventListener('resume', () => this.#comeBack());
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#hiddenAt = performance.now();
      else if (performance.now() - this.#hiddenAt >= AWAY_MS) this.#comeBack();
      else this.#hurry();
    });
    setInterval(() => this.#check(), CHECK_EVERY_MS);
    this.#connect();
  }

  /** Whether the server says what it has taken. */
  get confirms() {
    return this.#hasEverAnswered;
  }

  /** The request's serial if it was handed to an open connection, else 0. */
  send(type, data) {
    if (this.#ws?.readyState !== WebSocket.OPEN) return 0;
    this.#ws.send(JSON.stringify({ type, data }));
    return ++this.#serial;
  }

  /** Have the server say that it has taken what was sent. */
  confirm() {
    if (this.#asked || this.#askTimer || this.#ws?.readyState !== WebSocket.OPEN || this.#isOpening) return;
    const waitMs = this.#askedAt + ASK_EVERY_MS - performance.now();
    if (waitMs > 0) {
      this.#askTimer = setTimeout(() => {
        this.#askTimer = 0;
        this.confirm();
      }, waitMs);
      return;
    }
    this.#ws.send('{"type":"ack","echo":true}');
    this.#asked = ++this.#serial;
    this.#askedAt = performance.now();
    if (this.#hasEverAnswered) this.#deadline = setTimeout(() => this.#end(GONE), ANSWER_MS);
  }

  /** A new connection instead of this one, at once; what the server knew of us is gone. */
  renew() {
    this.#forget();
    this.#connect();
  }

  /** The page goes away, perhaps to be shown again: nobody is here. */
  pause() {
    this.#isPaused = true;
    this.#forget();
  }

  resume() {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#attempts = 0;
    this.#connect();
  }

  #connect() {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const ws = new WebSocket(`${scheme}://${location.host}/ws/textchat/`);
    this.#ws = ws;
    this.#timer = 0;
    this.#isOpening = true;
    this.#deadline = setTimeout(() => this.#end(GONE), OPENING_MS);
    ws.onmessage = event => this.#receive(event.data);
    ws.onclose = event => this.#end(event.code);
  }

  /** Without a word to the page. */
  #forget() {
    for (const timer of [this.#timer, this.#deadline, this.#askTimer]) clearTimeout(timer);
    this.#timer = this.#askTimer = this.#asked = 0;
    const ws = this.#ws;
    this.#ws = null;
    if (!ws) return;
    ws.onmessage = ws.onclose = null;
    ws.close(1000);
  }

  #receive(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (typeof message?.type !== 'string') return;
    this.#heardAt = performance.now();
    if (message.type === 'ack' || (message.type === 'error' && message.data?.request === 'ack')) {
      this.#onAnswer(message.data?.code);
      return;
    }
    if (message.type === 'connection_established') {
      this.#attempts = 0; // only now: a server that accepts and closes at once must not be called every half second
      this.#isOpening = false;
      clearTimeout(this.#deadline);
      this.#askedAt = -Infinity;
      this.confirm();
    }
    this.#on.message(message);
  }

  #onAnswer(code) {
    clearTimeout(this.#deadline);
    if (code === 'rate_limited') this.#askedAt += SILENCE_MS; // the user's own messages go first
    const taken = this.#asked;
    this.#asked = 0;
    this.#hasEverAnswered = true;
    this.#on.taken(taken);
  }

  #end(code) {
    const wasOpen = !this.#isOpening;
    this.#forget();
    this.#lastCode = code;
    if (!FINAL_CODES.includes(code)) this.#timer = setTimeout(() => this.#connect(), this.#delay());
    this.#on.lost(code, wasOpen);
  }

  /** Half of it is jitter: a thousand clients of a restarted server must not all come back at once. */
  #delay() {
    const full = SLOW_CODES.includes(this.#lastCode)
      ? LONGEST_DELAY_MS
      : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts);
    this.#attempts++;
    return full / 2 + Math.random() * full / 2;
  }

  /** The network or the user is back: the rest of a wait for them is pointless. */
  #hurry() {
    if (!this.#timer || SLOW_CODES.includes(this.#lastCode)) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  /** Much may have happened meanwhile. */
  #comeBack() {
    this.#hurry();
    this.confirm();
  }

  #check() {
    const now = performance.now();
    const isLate = now - this.#checkedAt > 2 * CHECK_EVERY_MS; // the device has slept
    this.#checkedAt = now;
    if (isLate || now - this.#heardAt > SILENCE_MS) this.confirm();
  }
}
