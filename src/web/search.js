// search.js: the search view: who is looked for, for how long already, what may help, and who else is here (GET /stats).

import { $, isPressed, listed, number, onClick, two } from './dom.js';
import { currentInterests, offerBroader } from './chips.js';
import { recall, remember } from './settings.js';

const STATS_EVERY_MS = 15000;
const DEFAULT_PATIENCE_MS = 10000;
const BROADER_AFTER_MS = 20000;

const elapsed = $('elapsed');
const status = $('search-status');
const title = $('search-title');
const patience = $('patience');
const anyoneButton = $('anyone-button');
const broader = $('broader');
const startOnline = $('online');
const searchOnline = $('search-online');

let ticking = 0;
let startedAt = 0;
let wishedAt = 0; // the server's patience counts from here
let soughtBy = 'interests'; // or 'anyone', 'friend'
let wantsAnyone = false;
let trouble = '';
let isBroaderOffered = false;

/** What to ask the server for: the wish of this search, or the remembered one. */
export function fallbackAfterMs() {
  if (soughtBy === 'friend') return -1;
  return wantsAnyone || soughtBy === 'anyone' ? 0 : Number(patience.value);
}

function statusText() {
  const fallback = fallbackAfterMs();
  if (trouble) return trouble;
  if (soughtBy === 'friend') return 'Only someone with your link is matched with you.';
  if (soughtBy === 'anyone') return 'The next one who does not mind is yours.';
  if (fallback < 0) return 'Shared interests only.';
  if (performance.now() - wishedAt < fallback) return `…or anyone else after ${fallback / 1000} seconds.`;
  return '…or anyone else by now.';
}

function tick() {
  const waitedMs = performance.now() - startedAt;
  const seconds = Math.floor(waitedMs / 1000);
  elapsed.textContent = `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
  elapsed.hidden = trouble !== ''; // nothing is running then
  const text = statusText();
  if (status.textContent !== text) status.textContent = text; // else it is read out again
  if (!isBroaderOffered && soughtBy === 'interests' && waitedMs > BROADER_AFTER_MS) showBroader();
}

function showBroader() {
  isBroaderOffered = true;
  const idea = offerBroader();
  broader.hidden = idea === '';
  broader.textContent = `Add a broader interest: ${idea}?`;
}

function showWhom() {
  title.textContent = soughtBy === 'friend' ? 'Waiting for your friend…'
    : soughtBy === 'anyone' ? 'Looking for anyone who wants to talk…'
      : `Looking for someone who likes ${listed(currentInterests(), 'disjunction')}…`;
  $('patience-card').hidden = soughtBy !== 'interests';
}

/** The server has been asked, or asked again. */
export function searchAsked() {
  wishedAt = performance.now();
  showWhom();
  showSearchTrouble('');
}

export function showSearchTrouble(text) {
  trouble = text;
  tick();
}

export function openSearch(by) {
  soughtBy = by;
  wantsAnyone = false;
  anyoneButton.disabled = false;
  isBroaderOffered = false;
  broader.hidden = true;
  startedAt = performance.now();
  searchAsked();
  clearInterval(ticking);
  ticking = setInterval(tick, 250);
  refreshStats();
}

export function closeSearch() {
  clearInterval(ticking);
}

/** onWish: the user wants another search than the one under way. onBroader: the interest that was offered, too. */
export function initSearch(onWish, onBroader) {
  patience.value = recall('patience', DEFAULT_PATIENCE_MS);
  if (patience.value === '') patience.value = DEFAULT_PATIENCE_MS; // what was remembered is not offered

  patience.addEventListener('change', () => {
    wantsAnyone = false;
    anyoneButton.disabled = false;
    remember('patience', Number(patience.value));
    onWish();
  });
  onClick('anyone-button', () => {
    wantsAnyone = true;
    patience.focus(); // a disabled button would lose the focus
    anyoneButton.disabled = true;
    onWish();
  });
  onClick('broader', () => {
    broader.hidden = true;
    title.focus();
    onBroader();
  });
}

/** The visitor is one of those online, and not an other. */
function showStats({ online }) {
  if (!Number.isInteger(online)) return;
  const others = online - 1;
  const counted = others === 1 ? '1 other is here' : `${number(others)} others are here`;
  startOnline.textContent = others > 0 ? counted : 'Nobody else is here yet.';
  startOnline.hidden = false;
  searchOnline.textContent = others > 0 ? counted
    : `You are the only one here. Keep this tab open and ${isPressed($('bell')) ? 'we' : 'let us'} ring, or invite a friend.`;
}

let isCounted = false;

/** Whether the server counts us. */
export function countUs(isOnline) {
  isCounted = isOnline;
  if (isOnline) refreshStats();
  else startOnline.hidden = true;
}

export async function refreshStats() {
  if (!isCounted || document.hidden || !$('chat-view').hidden) return;
  try {
    const response = await fetch('stats', { cache: 'no-store' });
    if (response.ok && isCounted) showStats(await response.json());
  } catch {
    // Without the number the page works as well; the next one may come.
  }
}

setInterval(refreshStats, STATS_EVERY_MS);
document.addEventListener('visibilitychange', refreshStats);
