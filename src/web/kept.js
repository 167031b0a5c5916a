// kept.js: what a chat needs to survive a reload: in sessionStorage, under one key, from the match to the end of the chat.
//
// A second tab that is a copy of this one has a copy of it, too. The chat is this tab's as long as it holds the lock of that name.

const KEY = 'chatterbox.chat';
const EVERY_MS = 200;
const BRING_MS = 1000;
const CLAIM_EVERY_MS = 100;
const CLAIMS = 6; // the page that is being reloaded may still have it

let collect = null;
let writeTimer = 0;
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
  clearTimeout(writeTimer);
  writeTimer = 0;
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
  writeTimer ||= setTimeout(keepNow, EVERY_MS);
}

/** Whether a reload would find the chat. */
export const survives = () => isKept;

// Without locks, a copy takes the chat over; and may be asked to give it back.

const windows = window.BroadcastChannel && new BroadcastChannel('chatterbox.chat');

/** onGiven(): the chat has been given to another window, which takes over. */
export function giveWhenAsked(onGiven) {
  windows?.addEventListener('message', ({ data }) => {
    const kept = data?.bring && collect?.();
    if (kept?.name !== data?.bring || !kept) return;
    onGiven();
    windows.postMessage({ given: kept });
  });
}

/** Resolves to whether the chat of that name is here now: a reload finds it. */
export function bring(name) {
  return new Promise(resolve => {
    const onAnswer = ({ data }) => {
      if (data?.given?.name !== name) return;
      windows.removeEventListener('message', onAnswer);
      sessionStorage.setItem(KEY, JSON.stringify(data.given));
      collect = null; // it stays
      resolve(true);
    };
    windows?.addEventListener('message', onAnswer);
    windows?.postMessage({ bring: name });
    setTimeout(() => {
      windows?.removeEventListener('message', onAnswer);
      resolve(false);
    }, BRING_MS);
  });
}

const take = name => new Promise(resolve => {
  navigator.locks.request(`chat-${name}`, { ifAvailable: true }, lock => {
    resolve(lock !== null);
    return lock && new Promise(done => { letGo = done; });
  }).catch(() => resolve(true)); // it is forbidden here
});

/** Resolves to whether the chat of that name is ours: no other tab has it, or this browser cannot tell. */
export async function claim(name) {
  release();
  if (!navigator.locks) return true;
  for (let tries = 1; !await take(name); tries++) {
    if (tries === CLAIMS) return false;
    await new Promise(resolve => setTimeout(resolve, CLAIM_EVERY_MS));
  }
  return true;
}

export function release() {
  letGo?.();
  letGo = null;
}
