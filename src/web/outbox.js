// outbox.js: own messages until their fate is known. None is left standing as sent that the server has refused, or may not have taken.

import { markMessage, removeMessage } from './messages.js';

const SOON_MS = 600;   // what arrives sooner needs no clock
const LATE_MS = 8000;
const REFUSED_WITHIN_MS = 5000;
const MOST = 20;       // of those that wait for the connection
const MOST_LETTERS = 16384;

let waiting = []; // { entry, n, at }, oldest first
let uncounted = []; // under a server that acknowledges nothing: what it may refuse yet
let refused = []; // entries that can be tried again
let soon = 0;
let late = 0;
let onLate = null;

/** late(): a text has not arrived for so long that the connection may be dead. */
export function openOutbox(whenLate) {
  waiting = [];
  uncounted = [];
  refused = [];
  onLate = whenLate;
}

function showWaiting() {
  soon = 0;
  for (const { entry } of waiting) if (!entry.mark) markMessage(entry, 'Sending…');
}

function checkLate() {
  late = 0;
  const now = performance.now();
  const isLate = waiting[0]?.at <= now - LATE_MS;
  if (isLate) for (const text of waiting) text.at = now;
  if (waiting.length) late = setTimeout(checkLate, waiting[0].at + LATE_MS - now);
  if (isLate) onLate();
}

/** n: as in socket.nextNumber(). */
export function posted(entry, n) {
  const text = { entry, n, at: performance.now() };
  if (!n) {
    uncounted.push(text);
    setTimeout(() => { uncounted = uncounted.filter(other => other !== text); }, REFUSED_WITHIN_MS);
    return;
  }
  waiting.push(text);
  entry.n = n;
  entry.element.classList.add('waiting');
  soon ||= setTimeout(showWaiting, SOON_MS);
  late ||= setTimeout(checkLate, LATE_MS);
}

export const isFull = () => waiting.length >= MOST || waiting.reduce((sum, { entry }) => sum + entry.text.length, 0) >= MOST_LETTERS;

function settle({ entry }, mark) {
  entry.n = 0;
  entry.element.classList.remove('waiting');
  markMessage(entry, mark);
}

/** Everything up to n has arrived. */
export function taken(n) {
  while (waiting[0]?.n <= n) settle(waiting.shift(), '');
}

/** We are back: what has not arrived goes out again under its old number. send(text, n). */
export function sendWaiting(send) {
  for (const text of waiting) {
    text.at = performance.now();
    send(text.entry.text, text.n);
  }
}

/** Once more, from what was kept: { n, mark } as they were. */
export function restorePosted(entry, n, mark, again) {
  if (n) posted(entry, n);
  else if (mark) offerAgain(entry, again);
}

function offerAgain(entry, again) {
  refused.push(entry);
  markMessage(entry, 'Not delivered. Tap to try again.', () => again(entry.text) && removeMessage(entry));
}

/** A limit that refuses one message refuses those after it, so it is the latest; anything else is about the oldest. */
export function refuse(code, again) {
  const from = waiting.length ? waiting : uncounted;
  const text = code === 'rate_limited' ? from.pop() : from.shift();
  if (!text) return;
  settle(text, '');
  offerAgain(text.entry, again);
}

/** The chat is over: nothing can be tried again. wereTaken: what we wrote before the end, the server has taken before it. */
export function closeOutbox(wereTaken) {
  for (const entry of refused.splice(0)) markMessage(entry, 'Not delivered');
  for (const text of waiting.splice(0)) settle(text, wereTaken ? '' : 'Not delivered');
}

/** The chat is lost. Returns the last text that may not have arrived, or ''. */
export function loseOutbox() {
  const last = waiting.at(-1)?.entry.text ?? '';
  closeOutbox(false);
  return last;
}
