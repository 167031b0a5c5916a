// words.js: what the server refuses, and why there is no connection, in words.

export const SHUT_OUT = 4003;   // reported too often
export const TAKEN_OVER = 4002; // by another window

const REFUSALS = {
  invalid_json: 'The server could not read that.',
  invalid_request: 'The server could not make sense of that.',
  unknown_type: 'This server cannot do that.',
  invalid_interests: 'The server did not accept these interests.',
  no_interests: 'The server wants an interest first.',
  already_chatting: 'Your last chat is still being ended…',
  not_in_chat: 'This chat is over already.',
  message_empty: 'There is nothing to be seen in that message.',
  message_too_long: 'That message was too long.',
  rate_limited: 'That was fast. Wait a moment, then try again.',
  matching_unavailable: 'Matching is paused for a moment. You keep your place.',
  server_busy: 'The server is busy. Try again in a moment.',
};

/** deed: what to do again when it was too fast. */
export function explain(code, deed = 'try') {
  return Object.hasOwn(REFUSALS, code) ? REFUSALS[code].replace('try again', `${deed} again`) : 'The server refused that.';
}

const RESTARTS = [1001, 1012];
const LOSSES = {
  1008: 'You were disconnected for sending too much. Back in 15 s.',
  1013: 'The server is full. We try again in 15 s.',
  [TAKEN_OVER]: 'This chat is open in another window.',
  [SHUT_OUT]: 'Several people reported you, so you cannot chat here for now.',
};
const OFFLINE = 'You are offline. We connect as soon as you are back.';

export function lossWords(code, wasEverOpen, wasChatting) {
  if (RESTARTS.includes(code)) return `The server restarts${wasChatting ? ', and your chat has ended' : ''}. Reconnecting…`;
  if (code in LOSSES) return LOSSES[code];
  if (!navigator.onLine) return OFFLINE;
  return wasEverOpen ? 'Connection lost. Reconnecting…' : 'We cannot connect. Trying again…';
}

/** A page is not told why its WebSocket was refused. Whether the server answers at all says some of it; '': nothing more. */
export async function refusalWords() {
  try {
    await fetch('healthz', { cache: 'no-store' });
    return 'The server is full, or too many windows are open on your network. Trying again…';
  } catch {
    return navigator.onLine ? '' : OFFLINE;
  }
}
