// linkify.js: a stranger's text as DOM nodes, with http and https addresses as links.

import { element } from './dom.js';

// Invisible characters that turn text around would make one address look like another.
const ADDRESS = /\bhttps?:\/\/[^\s<>"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/giu;

/** The address without the punctuation that belongs to the sentence around it. */
function trimmed(address) {
  const bare = address.replace(/[.,;:!?'\]}*…”’»]+$/u, '');
  // A bracket is the address's own if it was opened in it: en.wikipedia.org/wiki/C_(language)
  const isOpen = bare.endsWith(')') && bare.split(')').length > bare.split('(').length;
  return isOpen ? trimmed(bare.slice(0, -1)) : bare;
}

/** It is the host that says where one goes; the rest may say anything. */
function withHostBold(address) {
  const [, scheme, host, rest] = /^([a-z]+:\/\/)([^\/?#]*)(.*)$/isu.exec(address);
  return [scheme, element('strong', '', host), rest];
}

function link(address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  // https://bank.example@evil.example reads as the bank and leads to the other.
  if (!['http:', 'https:'].includes(url.protocol) || url.username || url.password) return null;
  const anchor = element('a', '', ...withHostBold(address));
  anchor.href = url.href;
  anchor.title = url.href;
  anchor.target = '_blank';
  anchor.rel = 'noopener noreferrer nofollow ugc';
  return anchor;
}

export function linkify(text) {
  const nodes = document.createDocumentFragment();
  let done = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimmed(match[0]);
    const anchor = link(address);
    if (!anchor) continue;
    nodes.append(text.slice(done, match.index), anchor);
    done = match.index + address.length;
  }
  nodes.append(text.slice(done));
  return nodes;
}
