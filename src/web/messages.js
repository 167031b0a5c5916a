// messages.js: the list of messages: bubbles, notes, and the same as a text file.

import { linkify } from './linkify.js';

const MOST = 1000; // older ones go: a stranger must not be able to fill the memory

const list = document.getElementById('messages');
let entries = [];
let isAtEnd = true; // who reads further up is not torn away
let height = 0;

const two = number => String(number).padStart(2, '0');
const clock = date => `${two(date.getHours())}:${two(date.getMinutes())}`;

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

function add(entry) {
  list.append(entry.element);
  entries.push(entry);
  if (entries.length > MOST) entries.shift().element.remove();
  if (isAtEnd || entry.who === 'You') scrollToEnd();
  return entry;
}

function scrollToEnd() {
  list.scrollTop = list.scrollHeight;
}

export function clearMessages() {
  list.replaceChildren();
  entries = [];
}

export function addNote(text) {
  add({ at: new Date(), text, element: element('p', 'note', text) });
}

/** Returns the entry, for markUnsent(). */
export function addMessage(text, isMine) {
  const at = new Date();
  const who = isMine ? 'You' : 'Stranger';
  const body = element('p', 'text', linkify(text));
  body.dir = 'auto';
  const time = element('time', '', clock(at));
  time.dateTime = at.toISOString();
  const speaker = element('span', 'unseen', `${who}: `);
  return add({ at, who, text, element: element('div', `message ${isMine ? 'mine' : 'theirs'}`, speaker, body, time) });
}

export function markUnsent(entry) {
  entry.isUnsent = true;
  entry.element.classList.add('unsent');
  entry.element.append(element('span', 'mark', 'Not delivered'));
}

function line({ at, who, text, isUnsent }) {
  if (!who) return `[${clock(at)}] * ${text}`;
  return `[${clock(at)}] ${who}${isUnsent ? ' (not delivered)' : ''}: ${text.replace(/\n/g, '\n        ')}`;
}

export function saveTranscript() {
  const now = new Date();
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join('-');
  const text = [`ChatterBox, ${day}`, '', ...entries.map(line), ''].join('\n');
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain;charset=utf-8' }));
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = `chatterbox-${day}-${clock(now).replace(':', '')}.txt`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000); // some browsers read it later
}

list.addEventListener('scroll', () => {
  // While the list changes its height, the browser scrolls and not the user.
  if (list.clientHeight === height) isAtEnd = list.scrollHeight - list.scrollTop - height < 60;
});

// An on-screen keyboard must not hide the latest message.
new ResizeObserver(() => {
  height = list.clientHeight;
  if (isAtEnd) scrollToEnd();
}).observe(list);
