// chips.js: the field in which interests are typed, and the chips that they become.

import { $, button, element } from './dom.js';
import { isVisible, sendable } from './clean.js';
import { recall, remember } from './settings.js';

const MOST = 10;
const LONGEST_BYTES = 64;
const SEPARATOR = /[,\n\r，、]/;
const IDEAS_SHOWN = 12;
const IDEAS = ['music', 'films', 'gaming', 'coding', 'books', 'travel', 'anime', 'art', 'astronomy', 'baking', 'board games', 'camping',
  'cats', 'chess', 'climbing', 'comics', 'cooking', 'crosswords', 'cycling', 'dogs', 'drawing', 'fashion', 'football', 'gardening',
  'guitar', 'hiking', 'history', 'knitting', 'languages', 'maths', 'memes', 'night shifts', 'old films', 'photography', 'poetry',
  'running', 'science', 'synthesizers', 'trains', 'writing'];
const BROAD = IDEAS.slice(0, 6);

const input = $('interest-input');
const ideas = $('ideas');
const error = $('start-error');

const FIRST_HINT = input.placeholder;

/** Drawn at random, the same for one visit. */
const offered = IDEAS.map(text => [Math.random(), text]).sort(([a], [b]) => a - b).slice(0, IDEAS_SHOWN).map(([, text]) => text);

let interests = [];

const UNSEEN = /(?![\u200c\u200d])\p{Default_Ignorable_Code_Point}/gu;

/** As the server compares them: Coding, #coding and CODING are one interest. */
const folded = text => text.normalize('NFKC').toLowerCase().normalize('NFKC').replace(UNSEEN, '').replace(/\s+/gu, ' ').replace(/^[# ]+/, '').trim();
const bytes = text => new TextEncoder().encode(text).length;
const has = interest => interests.some(other => folded(other) === folded(interest));

export const currentInterests = () => [...interests];

export function showStartError(text) {
  error.textContent = text;
  input.setAttribute('aria-invalid', String(text !== ''));
}

function labelled(text, label, onClick) {
  const made = button(text, onClick);
  made.setAttribute('aria-label', label);
  return made;
}

function chip(interest) {
  const name = element('span', '', interest);
  name.dir = 'auto';
  return element('li', '', name, labelled('×', `Remove ${interest}`, () => {
    remove(interest);
    input.focus();
  }));
}

function idea(interest) {
  return labelled(`+ ${interest}`, `Add ${interest}`, () => {
    addAll([interest]);
    input.focus({ preventScroll: true });
  });
}

function draw() {
  $('chips').replaceChildren(...interests.map(chip));
  ideas.replaceChildren(...offered.filter(text => !has(text)).map(idea));
  input.placeholder = interests.length ? 'Add another…' : FIRST_HINT;
  ideas.hidden = interests.length >= MOST || ideas.childElementCount === 0;
}

function changed(announcement) {
  remember('interests', interests);
  draw();
  $('chip-status').textContent = announcement;
}

function remove(interest) {
  interests = interests.filter(other => other !== interest);
  changed(`${interest} removed`);
}

function refusal(interest) {
  if (Math.max(bytes(interest), bytes(folded(interest))) > LONGEST_BYTES) return 'That interest is too long.';
  return interests.length >= MOST ? `${MOST} interests are the most.` : '';
}

/** Returns what was refused, and says why. */
function addAll(texts) {
  const refused = [];
  const added = [];
  let problem = '';
  for (const text of texts.map(each => sendable(each).trim())) {
    if (!isVisible(folded(text)) || has(text)) continue;
    const why = refusal(text);
    if (why) {
      problem = why;
      refused.push(text);
    } else {
      interests.push(text);
      added.push(text);
    }
  }
  showStartError(problem);
  if (added.length) changed(`${added.join(', ')} added`);
  return refused;
}

/** An interest that many have, '' if there is none to add. */
export const offerBroader = () => interests.length >= MOST ? '' : BROAD.find(text => !has(text)) ?? '';

export function addBroader() {
  addAll([offerBroader()]);
}

/** Makes chips of the field's text. False if some of it was refused and still stands there. */
export function commitInterests() {
  const refused = addAll(input.value.split(SEPARATOR));
  input.value = refused.join(', ');
  return refused.length === 0;
}

input.addEventListener('keydown', event => {
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === 'Enter' && input.value.trim() !== '') {
    event.preventDefault(); // in an empty field it starts the chat
    commitInterests();
  } else if (event.key === 'Backspace' && input.value === '' && interests.length && !event.repeat) {
    remove(interests.at(-1));
  }
});

// Keyboards on phones do not say which key was pressed.
input.addEventListener('input', event => {
  if (error.textContent) showStartError('');
  if (event.isComposing || !SEPARATOR.test(input.value)) return;
  const parts = input.value.split(SEPARATOR);
  const unfinished = parts.pop().trimStart();
  input.value = [...addAll(parts), unfinished].filter(Boolean).join(', ');
});

// A single-line field would swallow the line breaks.
input.addEventListener('paste', event => {
  const text = event.clipboardData?.getData('text') ?? '';
  if (!SEPARATOR.test(text)) return;
  event.preventDefault();
  input.setRangeText(text.replace(/[\n\r]+/g, ','), input.selectionStart, input.selectionEnd, 'end');
  commitInterests();
});

const remembered = recall('interests', []);
if (Array.isArray(remembered)) addAll(remembered.filter(text => typeof text === 'string'));
draw();
