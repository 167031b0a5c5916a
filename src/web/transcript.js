// transcript.js: a conversation as a text file.

import { two } from './dom.js';
import { clock } from './messages.js';
import { shown } from './clean.js';

function line({ at, who, text, mark }) {
  if (!who) return `[${clock(at)}] * ${text}`;
  return `[${clock(at)}] ${who}${mark?.startsWith('Not') ? ' (not delivered)' : ''}: ${shown(text).replace(/\n/g, '\n        ')}`;
}

export function saveTranscript(entries) {
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
