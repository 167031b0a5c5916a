// messages.js: the list of messages: bubbles, notes, and where the reader is in it.
//
// However fast a stranger writes, the page lays the list out once for each frame that is drawn, and only what is in view: entries stand in
// groups, and a group out of view costs nothing (content-visibility in chat.css; for each entry of its own, the browser would look after a
// thousand). Otherwise a phone is too busy to notice that Leave is pressed.

import { $, button, element, two } from './dom.js';
import { isFewEmoji, isVisible, shown } from './clean.js';
import { linkify } from './linkify.js';
import { keepSoon } from './kept.js';
import { allSeen } from './notify.js';

const MOST = 1000; // older ones go: a stranger must not be able to fill the memory
const GROUP = 40;
const KEPT = 100; // over a reload
const KEPT_LETTERS = 65536;
const LINES_SHOWN = 12;
const SHORT = 140; // fits into so many lines anywhere; to measure what is out of view is dear
const PLACE_EVERY_MS = 150; // a stranger's messages, at most
const END_PX = 60; // so near the end counts as there
const TOUCH_LASTS_MS = 400; // a hand on the list is not pulled away from

const list = $('messages');
const tail = $('typing'); // what is being typed stands below all that was
const toEnd = $('to-end');
let entries = [];
let unmeasured = [];
let isAtEnd = true; // who reads further up is not torn away
let endEntry = null; // the last one when the list was at its end
let group = null; // the last one
let unplaced = []; // the latest entries
let placedAt = -Infinity;
let placeTimer = 0;
let unseen = 0;
let height = 0;
let frame = 0;
let endHeight = 0;
let endTop = 0;
let still = 0; // frames since the list was moved or grew
let touchedAt = -Infinity;

export const clock = date => `${two(date.getHours())}:${two(date.getMinutes())}`;

function place(bubble) {
  if (!group || group.childElementCount >= GROUP) {
    group = element('div', 'group');
    tail.before(group);
  }
  group.append(bubble);
}

function takeAway(bubble) {
  const from = bubble.parentElement;
  bubble.remove();
  if (from && from !== group && !from.hasChildNodes()) from.remove();
}

/** To lay the list out and to draw it is what costs. */
function placeAll() {
  clearTimeout(placeTimer);
  placeTimer = 0;
  placedAt = performance.now();
  for (const { element: bubble } of unplaced) place(bubble);
  unmeasured.push(...unplaced.splice(0).filter(({ text }) => text.length > SHORT || text.includes('\n')));
  drawSoon();
}

function add(entry) {
  keepSoon();
  unplaced.push(entry);
  entries.push(entry);
  if (entries.length > MOST) takeAway(entries.shift().element);
  if (unplaced.length > MOST) unplaced.shift();
  if (unmeasured.length > MOST) unmeasured.shift(); // no frame is drawn while the page is in the background
  if (entry.who === 'You') isAtEnd = true;
  else if (entry.who && !isAtEnd) unseen++;
  const waitMs = entry.who === 'Stranger' ? placedAt + PLACE_EVERY_MS - performance.now() : 0;
  if (waitMs <= 0) placeAll();
  else placeTimer ||= setTimeout(placeAll, waitMs);
  return entry;
}

export function drawSoon() {
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  foldLong(unmeasured.splice(0));
  if (isAtEnd && performance.now() - touchedAt > TOUCH_LASTS_MS) {
    const [now, from] = [list.scrollHeight, list.scrollTop];
    list.scrollTop = now;
    endTop = list.scrollTop;
    endEntry = lastPlaced();
    // Heights of what was out of view are estimates until it is drawn, which is after the next frame has begun.
    still = now === endHeight && endTop === from ? still + 1 : 0;
    if (still < 2) drawSoon();
    endHeight = now;
  }
  showWhatIsNew();
}

function showWhatIsNew() {
  if (isAtEnd && !document.hidden) {
    unseen = 0;
    allSeen();
  }
  toEnd.hidden = isAtEnd || entries.length === 0;
  const text = unseen === 0 ? 'To the end' : unseen === 1 ? '1 new message' : `${unseen} new messages`;
  if (toEnd.textContent !== text) toEnd.textContent = text;
}

/** All are measured before any is changed, so that the list is laid out once. */
function foldLong(added) {
  const mostPx = LINES_SHOWN * 1.5 * parseFloat(getComputedStyle(list).fontSize);
  const long = added.filter(({ body }) => body?.isConnected && body.scrollHeight > mostPx + 2);
  for (const { body } of long) {
    body.classList.add('folded');
    const toggle = button('Show all', () => {
      const isFolded = body.classList.toggle('folded');
      toggle.setAttribute('aria-expanded', String(!isFolded));
      toggle.textContent = isFolded ? 'Show all' : 'Show less';
    }, 'fold');
    toggle.setAttribute('aria-expanded', 'false');
    body.after(toggle);
  }
}

export function clearMessages() {
  for (const old of list.querySelectorAll('.group')) old.remove();
  group = null;
  entries = [];
  unplaced = [];
  unmeasured = [];
  unseen = 0;
  isAtEnd = true;
  drawSoon();
}

export const isReadingBack = () => !isAtEnd;

export function addNote(text, at = new Date()) {
  const last = entries.at(-1);
  if (last?.who || last?.text !== text) add({ at, text, element: element('p', 'note', text) }); // else it was said already
}

/** What is no message and goes again. */
export function addBelow(help) {
  place(help);
  drawSoon();
}

/** Returns the entry, for markMessage(); null if there is nothing to see in it. */
export function addMessage(text, isMine, at = new Date()) {
  if (!isVisible(text)) return null;
  const who = isMine ? 'You' : 'Stranger';
  const body = element('p', isFewEmoji(text) ? 'text large' : 'text', linkify(shown(text)));
  body.dir = 'auto';
  const bubble = element('div', `message ${isMine ? 'mine' : 'theirs'}`, element('span', 'unseen', `${who}: `), body);
  const last = entries.at(-1);
  if (last?.who !== who || clock(last.at) !== clock(at)) { // else the one above says it
    const time = element('time', '', clock(at));
    time.dateTime = at.toISOString();
    bubble.append(time);
  }
  return add({ at, who, text, body, element: bubble });
}

/** What has become of an own message, and a way to try again, if there is one. */
export function markMessage(entry, text, onRetry) {
  const bubble = entry.element;
  entry.mark = text;
  keepSoon();
  bubble.querySelector('.mark')?.remove();
  bubble.classList.toggle('unsent', text.startsWith('Not'));
  if (text) bubble.append(onRetry ? button(text, onRetry, 'mark') : element('span', 'mark', text));
  drawSoon();
}

export function removeMessage(entry) {
  takeAway(entry.element);
  entries = entries.filter(other => other !== entry);
}

export const transcript = () => [...entries];

/** The latest entries, and those before that wait to be sent, as restoreEntries() takes them. */
export function keptEntries() {
  const kept = [];
  let letters = 0;
  for (const { at, who, text, n, mark } of [...entries].reverse()) {
    letters += text.length;
    const isLate = kept.length < KEPT && letters <= KEPT_LETTERS;
    if (isLate || n) kept.unshift({ at: Number(at), who, text, n, isUnsent: mark?.startsWith('Not') });
  }
  return kept;
}

/** They were read already, so they are not read out. onMine(entry, kept) for each own one. */
export function restoreEntries(kept, onMine) {
  list.setAttribute('aria-live', 'off');
  for (const { at, who, text, ...more } of kept) {
    if (!who) addNote(text, new Date(at));
    else if (who === 'You') onMine(addMessage(text, true, new Date(at)), more);
    else addMessage(text, false, new Date(at));
  }
  unseen = 0;
  isAtEnd = true;
  placeAll();
  requestAnimationFrame(() => list.setAttribute('aria-live', 'polite'));
}

/** What waits to be placed is nowhere yet, and says nothing about where the reader is. */
const lastPlaced = () => entries.at(-1 - unplaced.length);

function isInView(entry) {
  return !entry?.element.isConnected
    || entry.element.getBoundingClientRect().bottom <= list.getBoundingClientRect().bottom + END_PX;
}

list.addEventListener('scroll', () => {
  // While the list changes its height, the browser scrolls and not the user.
  if (list.clientHeight !== height) return;
  if (isAtEnd && list.scrollTop === endTop) return; // it is where it was put
  // What has been added since the last frame has not been scrolled to yet: that is not the user's doing either.
  isAtEnd = isInView(lastPlaced()) || (isAtEnd && isInView(endEntry));
  showWhatIsNew();
});

for (const type of ['wheel', 'touchmove', 'pointerdown', 'keydown']) {
  list.addEventListener(type, () => {
    touchedAt = performance.now();
    setTimeout(drawSoon, TOUCH_LASTS_MS + 20);
  }, { passive: true });
}

toEnd.addEventListener('click', () => {
  isAtEnd = true;
  touchedAt = -Infinity;
  drawSoon();
});
document.addEventListener('visibilitychange', () => document.hidden || drawSoon());

// An on-screen keyboard must not hide the latest message.
new ResizeObserver(() => {
  height = list.clientHeight;
  if (isAtEnd) drawSoon();
}).observe(list);
