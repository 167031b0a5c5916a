// gone.js: the line that says who is cut off, and for how long the chat waits: at the end of the list, where else the stranger types.

import { $ } from './dom.js';
import { drawSoon } from './messages.js';

const SOON_MS = 1500;     // who is back sooner need not know
const NEWS_MS = 4000;
const NOTICED_MS = 35000; // so much later than we, the server may have noticed

const line = $('gone');
const [before, left, after] = line.children;

let weSince = 0;  // wall-clock times, since they are kept over a reload; 0: is not
let strangerUntil = 0;
let lastsMs = 0;
let news = '';
let newsUntil = 0;
let hasSaid = false;
let timer = 0;
let giveUp = null;

function say(words, untilMs = 0, more = '') {
  line.hidden = words === '';
  if (before.textContent !== words) before.textContent = words; // else it is read out again
  left.textContent = untilMs ? ` ${Math.max(0, Math.ceil((untilMs - Date.now()) / 1000))}\u00a0s` : '';
  if (after.textContent !== more) after.textContent = more;
}

function draw() {
  const now = Date.now();
  const wasHidden = line.hidden;
  if (weSince && now - weSince > lastsMs + NOTICED_MS) return giveUp();
  if (weSince && now - weSince >= SOON_MS) {
    hasSaid = true;
    say('Reconnecting…', weSince + lastsMs, '. Your messages go out when you are back.');
  } else if (!weSince && strangerUntil) {
    say("Stranger's connection dropped. Waiting,", strangerUntil, '…');
  } else {
    say(now < newsUntil ? news : '');
  }
  if (line.hidden !== wasHidden) drawSoon();
  clearTimeout(timer);
  if (weSince || strangerUntil || now < newsUntil) timer = setTimeout(draw, weSince && !hasSaid ? SOON_MS : 500);
}

function tell(words) {
  news = words;
  newsUntil = Date.now() + NEWS_MS;
}

/** The connection is lost, and may be found again for so long. onGiveUp(): it surely may no more. */
export function weAreGone(forMs, onGiveUp) {
  weSince ||= Date.now();
  lastsMs = forMs;
  giveUp = onGiveUp;
  draw();
}

export function weAreBack() {
  if (hasSaid) tell('You are back.');
  weSince = 0;
  hasSaid = false;
  draw();
}

/** Whether it was for longer than is waited for. */
export const wasTooLong = () => weSince !== 0 && Date.now() - weSince >= lastsMs;

export function strangerIsGone(untilMs) {
  strangerUntil = untilMs;
  newsUntil = 0;
  draw();
}

export function strangerIsBack() {
  if (strangerUntil) tell('Stranger is back.');
  strangerUntil = 0;
  draw();
}

export const strangerGoneUntil = () => strangerUntil;

export function nobodyIsGone() {
  weSince = strangerUntil = newsUntil = 0;
  hasSaid = false;
  draw();
}
