// notify.js: what reaches a user who looks at another tab: the title and, if wanted, a short sound.

import { recall, remember } from './settings.js';

const TITLE = document.title;
const toggle = document.getElementById('sound-toggle');

let isSoundOn = recall('sound', false) === true;
let unread = 0;
let audio = null;

function beep() {
  audio ??= new AudioContext();
  audio.resume();
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  const now = audio.currentTime;
  tone.frequency.setValueAtTime(660, now);
  tone.frequency.setValueAtTime(880, now + 0.09);
  volume.gain.setValueAtTime(0.12, now);
  volume.gain.exponentialRampToValueAtTime(0.001, now + 0.3);
  tone.connect(volume).connect(audio.destination);
  tone.start(now);
  tone.stop(now + 0.3);
}

function showToggle() {
  toggle.setAttribute('aria-pressed', String(isSoundOn));
}

export function notify(text) {
  if (!document.hidden) return;
  document.title = `${text} ${TITLE}`;
  if (isSoundOn) beep();
}

export function notifyMessage() {
  if (document.hidden) notify(`(${++unread})`);
}

toggle.addEventListener('click', () => {
  isSoundOn = !isSoundOn;
  remember('sound', isSoundOn);
  showToggle();
  if (isSoundOn) beep(); // so that the user knows it, and the browser has seen a gesture
});

document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  unread = 0;
  document.title = TITLE;
});

showToggle();
