// first-word.js: what helps two strangers over the first silence: a question that both see, and openers.

import { button, element } from './dom.js';
import { addBelow } from './messages.js';

const BY_INTEREST = {
  animals: 'Which animal would you trust with a secret?',
  anime: 'Which anime is good for a first one?',
  art: 'Which picture would you see every morning?',
  books: 'Which book did you finish in one sitting?',
  cats: 'What does your cat think of you?',
  chess: 'Which game of yours would you play again?',
  coding: 'What was the silliest bug you ever hunted?',
  cooking: 'What do you cook when nobody is looking?',
  cycling: 'Where would you ride if the wind were with you?',
  dogs: 'What has a dog taught you?',
  fashion: 'Which piece will you never give away?',
  films: 'Which film could you watch once a year?',
  football: 'Which match will you never forget?',
  gaming: 'Which game ate a whole summer?',
  gardening: 'What grows best with you?',
  hiking: 'Which view was worth every step?',
  history: 'Which year would you visit for a day?',
  languages: 'Which word should others borrow?',
  maths: 'When did numbers click for you?',
  music: 'Which song do you skip to when alone?',
  photography: 'Which picture did you miss by a second?',
  science: 'Which question would you like answered?',
  travel: 'Where did you get happily lost?',
  writing: 'What did you first write for yourself?',
};
BY_INTEREST['old films'] = BY_INTEREST.films;
const FOR_ANYBODY = [
  'What made you smile today?', 'What are you putting off?', 'What do you see out of your window?', 'What could you talk about for an hour?',
  'What did you believe for too long?', 'What is the best you ate this month?', 'What was your first nickname?',
  'Which small thing makes a day good?', 'What would you do with one more hour?', 'Which sound do you like most?',
  'What did you want to be at seven?', 'Which smell takes you back?', 'What are you secretly good at?', 'Which rule would you break?',
  'What did you learn last?', 'Morning or night?', 'Which place feels like home?', 'What would friends warn me about?',
  'What do you collect?', 'Which invention do we lack?', 'What was brave of you this year?', 'Which advice did you ignore?',
  'What would you teach everybody?', 'Which season suits you?', 'What never bores you?', 'What was your best mistake?',
  'What should people ask you?', 'What is on your table?', 'Who surprised you lately?', 'What would you do unseen?',
  'Which habit would you lend out?', 'What changed your mind?', 'Which holiday should exist?', 'What is the oldest thing you own?',
  'Tea, coffee, or stranger?',
];

/** The same for both, and another for each match: FNV-1a. */
function hash(text) {
  let value = 0x811c9dc5;
  for (const letter of text) value = Math.imul(value ^ letter.codePointAt(0), 0x01000193) >>> 0;
  return value;
}

/** Both sort what they share, so both find the same first one. */
function questionsFor(common, seed) {
  const known = common.map(interest => interest.toLowerCase()).sort().filter(interest => Object.hasOwn(BY_INTEREST, interest));
  const first = known.length ? [BY_INTEREST[known[seed % known.length]]] : [];
  return [...first, ...FOR_ANYBODY.map((_, index) => FOR_ANYBODY[(seed + index) % FOR_ANYBODY.length])];
}

/** send(text): an opener was picked. Whoever opened it takes it away. */
export function openFirstWord(common, matchId, send) {
  const questions = questionsFor(common, hash(matchId));
  let shown = 0;
  const question = element('p', 'question', questions[0]);
  const whose = element('p', 'whose', 'You both see this question.');
  const another = button('Another question', () => {
    question.textContent = questions[++shown % questions.length];
    whose.textContent = 'Only you see this one.';
  });
  const openers = ['Hi!', 'How is your day?', common.length ? `What made you pick ${common[0]}?` : 'What do you like to talk about?'];
  const help = element('div', 'help', question, whose, another,
    element('div', 'openers', ...openers.map(opener => button(opener, () => send(opener)))));
  help.setAttribute('aria-live', 'off'); // the greeting is read out, and is enough
  addBelow(help);
}
