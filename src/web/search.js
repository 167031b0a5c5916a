// search.js: the search view: how long it has taken, who may be found, and who else is here (GET /stats).

import { recall, remember } from './settings.js';

const STATS_EVERY_MS = 15000;
const DEFAULT_PATIENCE_MS = 10000;

const elapsed = document.getElementById('elapsed');
const status = document.getElementById('search-status');
const interestsLine = document.getElementById('search-interests');
const patience = document.getElementById('patience');
const anyoneButton = document.getElementById('anyone-button');
const startOnline = document.getElementById('online');
const searchOnline = document.getElementById('search-online');

let timer = 0;
let startedAt = 0;
let wishedAt = 0; // the server's patience counts from here
let wantsAnyone = false;
let trouble = '';

/** What to ask the server for: the wish of this search, or the remembered one. */
export const fallbackAfterMs = () => wantsAnyone ? 0 : Number(patience.value);

function statusText() {
  const fallback = fallbackAfterMs();
  if (trouble) return trouble;
  if (fallback < 0) return 'Waiting for somebody who shares an interest.';
  if (performance.now() - wishedAt < fallback) return 'First somebody who shares an interest, then anyone.';
  return 'Anyone who takes anyone will do now.';
}

function tick() {
  const seconds = Math.floor((performance.now() - startedAt) / 1000);
  const two = number => String(number).padStart(2, '0');
  elapsed.textContent = `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
  const text = statusText();
  if (status.textContent !== text) status.textContent = text; // else it is read out again
}

/** The server has been asked, or asked again. */
export function searchAsked() {
  wishedAt = performance.now();
  showSearchTrouble('');
}

export function showSearchTrouble(text) {
  trouble = text;
  tick();
}

export function openSearch(interestsText) {
  wantsAnyone = false;
  anyoneButton.disabled = false;
  interestsLine.textContent = `You like ${interestsText}.`;
  startedAt = performance.now();
  searchAsked();
  timer = setInterval(tick, 250);
  refreshStats();
}

export function closeSearch() {
  clearInterval(timer);
}

/** onWish: the user wants another search than the one under way. */
export function initSearch(onWish) {
  patience.value = recall('patience', DEFAULT_PATIENCE_MS);
  if (patience.value === '') patience.value = DEFAULT_PATIENCE_MS; // what was remembered is not offered

  patience.addEventListener('change', () => {
    wantsAnyone = false;
    anyoneButton.disabled = false;
    remember('patience', Number(patience.value));
    onWish();
  });
  anyoneButton.addEventListener('click', () => {
    wantsAnyone = true;
    patience.focus(); // a disabled button would lose the focus
    anyoneButton.disabled = true;
    onWish();
  });
}

function showStats({ online, searching }) {
  if (!Number.isInteger(online)) return;
  const people = online === 1 ? '1 person' : `${online.toLocaleString('en')} people`;
  startOnline.textContent = `${people} online now`;
  startOnline.hidden = false;
  const others = searching > 1 ? `, ${searching.toLocaleString('en')} of them searching` : '';
  searchOnline.textContent = startOnline.textContent + others;
}

export async function refreshStats() {
  if (document.hidden || !document.getElementById('chat-view').hidden) return;
  try {
    const response = await fetch('/stats', { cache: 'no-store' });
    if (response.ok) showStats(await response.json());
  } catch {
    // Without the number the page works as well; the next one may come.
  }
}

setInterval(refreshStats, STATS_EVERY_MS);
document.addEventListener('visibilitychange', refreshStats);
