// outbox.js: own messages until their fate is known. None is left standing as sent that the server has refused, or may not have taken.

import { markMessage, removeMessage } from './messages.js';

const SOON_MS = 1500; // what is answered sooner needs no word about it

let waiting = []; // { entry, serial }, oldest first
let refused = []; // entries that can be tried again
let timer = 0;

export function openOutbox() {
  waiting = [];
  refused = [];
}

function showWaiting() {
  timer = 0;
  for (const { entry } of waiting) if (!entry.mark) markMessage(entry, 'Sending…');
}

export function posted(entry, serial) {
  waiting.push({ entry, serial });
  timer ||= setTimeout(showWaiting, SOON_MS);
}

/** The server has taken everything up to this request. */
export function taken(serial) {
  while (waiting[0]?.serial <= serial) markMessage(waiting.shift().entry, '');
}

/** A limit that refuses one message refuses those after it, so it is the latest; anything else is about the oldest. */
export function refuse(code, again) {
  const { entry } = (code === 'rate_limited' ? waiting.pop() : waiting.shift()) ?? {};
  if (!entry) return;
  refused.push(entry);
  markMessage(entry, 'Not delivered. Tap to try again.', () => again(entry.text) && removeMessage(entry));
}

/** The chat is over: nothing can be tried again. What is still on its way will be answered yet. */
export function closeOutbox() {
  for (const entry of refused.splice(0)) markMessage(entry, 'Not delivered');
}

/** The connection is lost. Returns the last text that was on its way, or ''. */
export function loseOutbox() {
  const lost = waiting.splice(0);
  for (const { entry } of lost) markMessage(entry, 'Not delivered');
  return lost.at(-1)?.entry.text ?? '';
}
