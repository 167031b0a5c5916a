// socket.js: the connection to the server: JSON in and out, and a new connection when one is lost.

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15000;
const BANNED = 4003;
const SLOW_CODES = [1008, 1013]; // told to go easy, or the server is full

export class Socket {
  #on;
  #ws = null;
  #attempts = 0;
  #timer = 0;
  #lastCode = 0;

  /** on.message(object) for every message, on.lost(code) when a connection ends or cannot be made. */
  constructor(on) {
    this.#on = on;
    addEventListener('online', () => this.#hurry());
    document.addEventListener('visibilitychange', () => document.hidden || this.#hurry());
    this.#connect();
  }

  /** Whether the message was handed to an open connection. */
  send(type, data) {
    if (this.#ws?.readyState !== WebSocket.OPEN) return false;
    this.#ws.send(JSON.stringify({ type, data }));
    return true;
  }

  #connect() {
    this.#timer = 0;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    this.#ws = new WebSocket(`${scheme}://${location.host}/ws/textchat/`);
    this.#ws.onmessage = event => this.#receive(event.data);
    this.#ws.onclose = event => this.#closed(event.code);
  }

  #receive(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    // Only now: a server that accepts and closes at once must not be called every half second.
    if (message?.type === 'connection_established') this.#attempts = 0;
    if (typeof message?.type === 'string') this.#on.message(message);
  }

  #closed(code) {
    this.#lastCode = code;
    if (code !== BANNED) this.#timer = setTimeout(() => this.#connect(), this.#delay());
    this.#on.lost(code);
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
}
