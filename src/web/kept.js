// kept.js: what a chat needs to survive a reload: in sessionStorage, under one key, from the match to the end of the chat.
//
// A second tab that is a copy of this one has a copy of it, too. The chat is this tab's as long as it holds the lock of that name.

const KEY = 'chatterbox.chat';
const EVERY_MS = 200;
const CLAIM_MS = 500; // so long a page that is being reloaded may still have it

let collect = null;
let timer = 0;
let isKept = false; // since it was written last
let letGo = null;

/** collector(): what is to be kept, null while there is no chat. Until it is given, what was kept stays. */
export function keepWhat(collector) {
  collect = collector;
}

export function recallKept() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    isKept = typeof kept?.token === 'string' && Array.isArray(kept.entries);
    return isKept ? kept : null;
  } catch {
    return null;
  }
}

export function forgetKept() {
  isKept = false;
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Nothing can have been written, either.
  }
}

export function keepNow() {
  clearTimeout(timer);
  timer = 0;
  if (!collect) return;
  const what = collect();
  if (!what) {
    if (isKept) forgetKept();
    return;
  }
  try {
    sessionStorage.setItem(KEY, JSON.stringify(what));
    isKept = true;
  } catch {
    forgetKept(); // storage may be full or forbidden; what is old would be wrong
  }
}

export function keepSoon() {
  timer ||= setTimeout(keepNow, EVERY_MS);
}

/** Whether a reload would find the chat. */
export const survives = () => isKept;

/** Resolves to whether the chat of that name is ours: no other tab has it, or this browser cannot tell. */
export function claim(name) {
  release();
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise(resolve => {
    const patience = new AbortController();
    setTimeout(() => patience.abort(), CLAIM_MS);
    navigator.locks.request(`chat-${name}`, { signal: patience.signal }, () => {
      resolve(true);
      return new Promise(done => { letGo = done; });
    }).catch(() => resolve(false));
  });
}

export function release() {
  letGo?.();
  letGo = null;
}
