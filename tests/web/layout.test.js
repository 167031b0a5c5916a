// Where things stand: whole in the window, large enough for a thumb, in six sizes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Script, isLargeEnough, useWorld, waitFor } from './harness.js';

const world = useWorld();

const SIZES = [[360, 740], [360, 400], [320, 480], [740, 360], [768, 1024], [1280, 800]];
const phone = ([width, height]) => ({ viewport: { width, height }, hasTouch: true });

/** Each of these is there, and whole, in the window and in the view. */
async function isWhole(user, where, ...selectors) {
  for (const selector of selectors) {
    const { x, y, width, height } = await user.$(selector).boundingBox();
    const view = user.page.viewportSize();
    assert.ok(x >= -0.5 && y >= -0.5 && x + width <= view.width + 0.5 && y + height <= view.height + 0.5 && height > 10,
      `${where}: ${selector} at ${[x, y, width, height].map(Math.round)} of ${view.width}x${view.height}`);
  }
}

for (const size of SIZES) {
  test(`${size.join('x')}: every view is whole, every target 44 px`, async () => {
    const where = size.join('x');
    const user = await world.user(phone(size));
    const interest = `layout ${where}`;
    await user.like('chips', interest);
    await isLargeEnough(user, `${where}, start`);
    await user.$('#start-button').click();
    await user.$('#search-view').waitFor();
    await user.$('#broader').evaluate(button => { button.hidden = false; button.textContent = 'Add a broader interest: music?'; }); // after 20 s
    await isLargeEnough(user, `${where}, search`);
    const script = await Script.open(world, interest);
    await user.isChatting();
    await isWhole(user, `${where}, greeting`, '.note', '.question', '.openers', '#composer', '#send-button', '#leave-button', '#report-button');
    assert.ok(await user.$('#messages').evaluate(list => list.scrollHeight <= list.clientHeight), `${where}: the greeting scrolls`);
    await isLargeEnough(user, `${where}, greeting`);
    await script.text('hello', Array.from({ length: 40 }, (_, i) => i).join('\n'));
    await user.sees('hello');
    await user.$('.fold').waitFor();
    await user.$('#more summary').click();
    await isLargeEnough(user, `${where}, menu`);
    await isWhole(user, `${where}, menu`, '#save-button', '#block-button');
    await user.page.keyboard.press('Escape');
    await user.$('#leave-button').click();
    await isWhole(user, `${where}, leaving`, '#leave-button', '#next-now', '#stay', '#composer', '#leave-hint');
    await isLargeEnough(user, `${where}, leaving`);
    await user.$('#stay').click();
    await user.$('#report-button').click();
    await isWhole(user, `${where}, report`, '[data-reason=abuse]', '[data-reason=other]', '#report-cancel', '#leave-button');
    await isLargeEnough(user, `${where}, report`);
    await user.$('#report-cancel').click();
    await user.say('I am on telegram');
    await isWhole(user, `${where}, warning`, '#ask-text', '#ask-choices', '#composer', '#leave-button');
    await isLargeEnough(user, `${where}, warning`);
    await user.page.keyboard.press('Escape');
    await user.$('#composer').fill('');
    await script.text(...Array.from({ length: 30 }, (_, i) => `line ${i}`));
    await user.sees('line 29');
    await waitFor(() => user.$('#messages').evaluate(list => list.scrollTop > 100), 'the end of the list');
    await user.$('#messages').evaluate(list => { list.scrollTop = 0; });
    await user.$('#to-end').waitFor();
    await isLargeEnough(user, `${where}, further up`);
    await user.leave();
    await isWhole(user, `${where}, ended`, '#next-button', '#home-button');
    await isLargeEnough(user, `${where}, ended`);
  });
}

const boxes = (user, ...selectors) => user.page.evaluate(all => Object.fromEntries(all
  .flatMap(selector => [...document.querySelectorAll(selector)].map(element => [element.id, element.getBoundingClientRect().toJSON()]))), selectors);
const written = ({ x, y, width, height }) => `${[x, y].map(Math.round)} ${[width, height].map(Math.round).join('x')}`;

/** Goes through the sizes; look() returns what is wrong in one, in words. */
async function inEachSize(user, look) {
  const wrong = [];
  for (const [width, height] of SIZES) {
    await user.page.setViewportSize({ width, height });
    await user.page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
    wrong.push(...(await look(width, height)).map(words => `${width}x${height}: ${words}`));
  }
  return wrong;
}

const cutOff = (all, width, height) => Object.entries(all)
  .filter(([, box]) => box.left < -0.5 || box.top < -0.5 || box.right > width + 0.5 || box.bottom > height + 0.5 || box.height <= 10)
  .map(([id, box]) => `${id} is cut off: ${written(box)}`);

async function withThirtyLines(interest) {
  const user = await world.user(phone(SIZES[0]));
  const script = await Script.open(world, interest);
  await user.search(interest);
  await user.isChatting();
  await script.text(...Array.from({ length: 30 }, (_, i) => `line ${i}`));
  await user.sees('line 29');
  return [user, script];
}

const ALWAYS = ['#composer', '#send-button', '#leave-button', '#report-button'];

async function areLargeEnough(user, what) {
  for (const [width, height] of SIZES) {
    await user.page.setViewportSize({ width, height });
    await isLargeEnough(user, `${width}x${height}, ${what}`);
  }
}

test('the question for a call leaves room for what is written, and to write', async () => {
  const [user, script] = await withThirtyLines('the question');
  await script.send(['webrtc_signal', { kind: 'call-request', call: 1 }]);
  await user.$('#call-prompt').waitFor();
  assert.deepEqual(await inEachSize(user, async (width, height) => {
    const all = await boxes(user, '#messages', '#call-text', '#call-prompt button:not([hidden])', ...ALWAYS);
    return [...cutOff(all, width, height), ...(all.messages.height < 50 ? [`the list has ${Math.round(all.messages.height)} px`] : [])];
  }), []);
  await areLargeEnough(user, 'asked');
});

test('in a call the field for writing is whole, the stranger’s picture the large one, and the own one within it', async () => {
  const [user, script] = await withThirtyLines('the call');
  await script.send(['webrtc_signal', { kind: 'call-request', call: 1 }]);
  await user.$('#call-accept').click();
  await user.$('#local-video').waitFor();
  assert.deepEqual(await inEachSize(user, async (width, height) => {
    const all = await boxes(user, '#local-video', '#remote-video', '#hangup-button', ...ALWAYS);
    const [mine, theirs] = [all['local-video'], all['remote-video']];
    const wrong = cutOff(all, width, height);
    const seen = Math.min(theirs.width, theirs.height * 4 / 3); // of a picture of 4:3
    if (seen < 2 * mine.width) wrong.push(`the own picture has ${Math.round(mine.width)} px, the stranger’s ${Math.round(seen)}`);
    if (mine.right > theirs.right || mine.bottom > theirs.bottom + 0.5) wrong.push(`the own picture hangs over the edge: ${written(mine)} of ${written(theirs)}`);
    if (width >= 1280 && theirs.height < 440) wrong.push(`the stranger is a strip of ${Math.round(theirs.height)} px`);
    return wrong;
  }), []);
  await areLargeEnough(user, 'call');
});

test('the field for writing has the width, and nothing empty stands over it', async () => {
  const [user] = await withThirtyLines('room to write');
  assert.deepEqual(await inEachSize(user, async width => {
    const { messages, composer } = await boxes(user, '#messages', '#composer');
    const wrong = [];
    if (width <= 360 && composer.width < width - 80) wrong.push(`the field has ${Math.round(composer.width)} of ${width} px`);
    if (composer.top - messages.bottom > 8) wrong.push(`${Math.round(composer.top - messages.bottom)} px are empty`);
    return wrong;
  }), []);
});
