// What can be measured of the looks: accessibility by axe-core, in both schemes, and no scrolling sideways on a small phone.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { meet, sleep, useWorld, waitFor } from './harness.js';

const world = useWorld();
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function isAccessible(user, where) {
  await sleep(250); // a greeting that fades in is pale for so long
  // The page's policy holds for scripts in the page; the debugger stands outside of it.
  await user.page.evaluate(axe);
  const violations = await user.page.evaluate(async () => (await window.axe.run(document, { preload: false })).violations
    .map(({ id, nodes }) => `${id}: ${nodes.map(node => `${node.target} ${node.failureSummary}`).join('; ')}`));
  assert.deepEqual(violations, [], where);
}

/** Nothing sticks out, not even where overflow is hidden. */
async function fits(user, where) {
  const wide = await user.page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    return [...document.querySelectorAll('body *')]
      .filter(element => element.checkVisibility() && !element.matches('.unseen, option'))
      .map(element => ({ name: `${element.tagName}#${element.id}.${element.className}`, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.right > width + 0.5 || box.left < -0.5))
      .map(({ name, box }) => `${name} from ${box.left} to ${box.right}`)
      .concat(document.documentElement.scrollWidth > width ? ['the page scrolls'] : []);
  });
  assert.deepEqual(wide, [], where);
}

/** Leads two users through every view, and calls look(user, view) in each. */
async function tour(options, look) {
  const a = await world.user(options);
  const b = await world.user(options);
  await look(a, 'start');
  await a.page.evaluate(() => { location.hash = 'with=abcdefgh'; });
  await a.$('#invitation').waitFor();
  await look(a, 'start with a friend’s link');
  await a.$('#invitation-decline').click();
  await a.$('#start-button').click();
  await look(a, 'start with an error');
  await a.like('w'.repeat(60), 'two words');
  await look(a, 'start with chips');
  await a.search('touring');
  await look(a, 'search');
  await b.search('touring', 'two words');
  await a.isChatting();
  await look(a, 'the first word');
  await a.say('hello https://example.org/' + 'w'.repeat(200));
  await b.say('w'.repeat(200));
  await a.sees('w'.repeat(200));
  await look(a, 'chat');
  await a.$('#composer').fill('w'.repeat(1990));
  await look(a, 'chat with the counter');
  await a.page.keyboard.press('Escape');
  await look(a, 'leaving');
  await a.$('#composer').fill('');
  await a.$('#more summary').click();
  await look(a, 'menu');
  await a.page.keyboard.press('Escape');
  await a.say('my number is 0170 1234567');
  await look(a, 'a warning');
  await a.page.keyboard.press('Escape');
  await a.$('#composer').fill('');
  await a.$('#report-button').click();
  await look(a, 'reporting');
  await a.$('#report-cancel').click();
  await b.$('#camera-button').click();
  await b.$('#call-dark').waitFor();
  await look(b, 'asking for a call');
  await a.$('#call-prompt').waitFor();
  await look(a, 'a call comes in');
  await a.$('#call-accept').click();
  await a.$('#local-video').waitFor();
  await look(a, 'call');
  await b.leave();
  await a.hasEnded();
  await look(a, 'ended');
}

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing to complain of: ${colorScheme}`, async () => {
    await tour({ colorScheme, reducedMotion: 'reduce' }, isAccessible);
  });
  test(`axe finds nothing on a phone: ${colorScheme}`, async () => {
    await tour({ colorScheme, viewport: { width: 360, height: 740 }, hasTouch: true }, isAccessible);
  });
}

test('axe finds nothing where colours are forced', async () => {
  await tour({ forcedColors: 'active', reducedMotion: 'reduce' }, isAccessible);
});

test('320 pixels are enough', async () => {
  await tour({ viewport: { width: 320, height: 568 } }, fits);
});

test('with reduced motion nothing moves', async () => {
  const calm = await world.user({ reducedMotion: 'reduce' });
  await calm.search('stillness');
  assert.equal(await calm.page.evaluate(() => document.getAnimations().length), 0);
  const other = await world.user({ reducedMotion: 'no-preference' });
  await other.search('movement');
  assert.ok(await other.page.evaluate(() => document.getAnimations().length) > 0);
});

test('on a phone, the composer and the latest message are in view with the keyboard up', async () => {
  const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
  const a = await world.user(phone);
  const b = await world.user();
  await meet(a, b, 'phones');
  for (let i = 1; i <= 30; i++) await b.say(`line ${i}`);
  await a.sees('line 30');
  await a.page.setViewportSize({ width: 360, height: 400 });
  const { bottom, height } = await a.$('#composer').evaluate(element =>
    ({ bottom: element.getBoundingClientRect().bottom, height: innerHeight }));
  assert.ok(bottom <= height, `${bottom} > ${height}`);
  await waitFor(() => a.$('.theirs').last().evaluate(element => { // with the next frame
    const list = document.getElementById('messages').getBoundingClientRect();
    return element.getBoundingClientRect().bottom <= list.bottom + 1;
  }), 'the latest message to be in view');
});
