// notify.js: what reaches a user who does not look: the tab's title, a short sound if wanted, and, for who has asked to be told when
// somebody comes, the device's own ways.

import { $, press } from './dom.js';
import { recall, remember } from './settings.js';

const SITE = document.title;
const toggle = $('sound-toggle');

let isSoundOn = recall('sound', false) === true;
let view = '';
let news = '';
let unread = 0;
let isBellSet = false;
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

function showTitle() {
  document.title = [news, view, SITE].filter(Boolean).join(' · ').replace(/^(\(\d+\)) ·/, '$1');
}

/** What the tab is called: the view, '' for the first one. */
export function titleView(name) {
  view = name;
  showTitle();
}

function tell(text) {
  news = text;
  showTitle();
  if (document.hidden && isSoundOn) beep();
}

export function notify(text) {
  if (document.hidden) tell(text);
}

/** isUnseen: it came below what the user reads. */
export function notifyMessage(isUnseen) {
  if (document.hidden || isUnseen) tell(`(${++unread})`);
}

export function allSeen() {
  if (document.hidden || news === '') return;
  unread = 0;
  news = '';
  showTitle();
}

/** Without a gesture before, browsers refuse and complain. */
export function vibrate(pattern) {
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(pattern);
}

/** The bell, for one match: asks for permission, so only after a click. */
export function setBell(isSet) {
  isBellSet = isSet;
  if (!isSet) return;
  beep(); // so that the user knows it, and the browser has seen a gesture
  if (window.Notification?.permission === 'default') Notification.requestPermission().catch(() => {});
}

export function notifyMatch() {
  vibrate(isBellSet ? [200, 100, 200] : 80);
  if (isBellSet) {
    if (!(document.hidden && isSoundOn)) beep();
    try {
      if (document.hidden && Notification.permission === 'granted') new Notification('Somebody is here. Say hi!', { icon: 'icon.png' });
    } catch {
      // Chrome on Android has Notification, and throws.
    }
  }
  isBellSet = false;
  notify('Stranger found');
}

toggle.addEventListener('click', () => {
  isSoundOn = !isSoundOn;
  remember('sound', isSoundOn);
  press(toggle, isSoundOn);
  if (isSoundOn) beep(); // a sample, and the browser has seen a gesture
});

press(toggle, isSoundOn);
