// What can be measured of the looks: accessibility by axe-core, in both schemes, and no scrolling sideways on a small phone.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { isLargeEnough, meet, useWorld, waitFor } from './harness.js';
import { tour } from './tour.js';

const world = useWorld();
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function isAccessible(user, where) {
  if (where === 'no-script') return; // there no timer runs, and axe waits for one
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
      .concat(document.documentElement.scrollWidth > width ? ['the page scrolls'] : [])
      .concat([...document.querySelectorAll('button, summary')].filter(button => button.checkVisibility() && button.scrollWidth > button.clientWidth + 1)
        .map(button => `${button.textContent} is wider than its button`))
      .concat([...document.querySelectorAll('.card, .panel')].map(card => [card, card.getBoundingClientRect()])
        .filter(([card, box]) => card.checkVisibility() && (box.left < 7.5 || box.right > width - 7.5)).map(([card]) => `${card.textContent} touches the edge`))
      .concat([...document.querySelectorAll('h1')].map(title => [title, title.getBoundingClientRect()])
        .filter(([title, box]) => title.checkVisibility() && !title.closest('.leaving') && box.width < 44).map(([title, box]) => `${title.id} has ${box.width} px`));
  });
  assert.deepEqual(wide, [], where);
}

const HOSTILE = {
  interests: ['w'.repeat(60), 'two words', 'touring'],
  talk: [['a', 'hello'], ['b', `https://example.org/${'w'.repeat(200)}`], ['a', 'w'.repeat(200)], ['b', 'w'.repeat(200)]],
};
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true };
const DESKTOP = { viewport: { width: 1280, height: 800 } };

for (const [colorScheme, place, device] of [['light', 'on a phone', PHONE], ['dark', 'on a desktop', DESKTOP]]) {
  test(`in every view axe finds nothing to complain of, and every target has 44 px: ${colorScheme}, ${place}`, async () => {
    const views = [];
    await tour(world, async (user, view) => {
      views.push(view);
      await isAccessible(user, view);
      await isLargeEnough(user, view);
    }, { ...HOSTILE, device: { ...device, colorScheme, reducedMotion: 'reduce' } });
    assert.ok(views.length > 25, 'the tour was whole');
  });
}

test('where colours are forced, what has only a colour of its own gets an edge', async () => {
  const user = await world.user({ forcedColors: 'active' });
  await user.like('edges');
  const edges = await user.page.evaluate(() => ['#chips li', '#start-button', '#anyone-start']
    .map(selector => getComputedStyle(document.querySelector(selector)).borderTopWidth));
  assert.deepEqual(edges, ['1px', '2px', '1px']);
});

test('in every view 320 pixels are enough, and axe finds nothing where colours are forced', async () => {
  await tour(world, async (user, view) => {
    await fits(user, view);
    await isAccessible(user, view);
  }, { ...HOSTILE, device: { viewport: { width: 320, height: 568 }, forcedColors: 'active', reducedMotion: 'reduce' } });
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
