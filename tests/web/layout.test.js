// Where things stand: whole in the window, large enough for a thumb, in six sizes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Script, meet, useWorld, waitFor } from './harness.js';

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

/** WCAG 2.5.5; links within a text are exempt there, and here. */
async function isLargeEnough(user, where) {
  const small = await user.page.evaluate(() => [...document.querySelectorAll('button, summary, select, textarea, input')]
    .filter(element => element.checkVisibility() && element.getBoundingClientRect().width > 0)
    .map(element => ({ name: element.id || element.textContent, box: element.closest('.chip-field input') ? element.parentElement.getBoundingClientRect()
      : element.getBoundingClientRect() }))
    .filter(({ box }) => box.width < 43.9 || box.height < 43.9)
    .map(({ name, box }) => `${name} ${Math.round(box.width)}x${Math.round(box.height)}`));
  assert.deepEqual(small, [], where);
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
    await script.send(['webrtc_signal', { kind: 'call-request', call: 1 }]);
    await user.$('#call-prompt').waitFor();
    await isWhole(user, `${where}, asked`, '#call-text', '#call-accept', '#call-voice', '#call-decline', '#composer', '#send-button');
    assert.ok((await user.$('#messages').boundingBox()).height >= 50, `${where}: the question covers the messages`);
    await isLargeEnough(user, `${where}, asked`);
    await user.$('#call-accept').click();
    await user.$('#local-video').waitFor();
    await isWhole(user, `${where}, call`, '#local-video', '#hangup-button', '#leave-button', '#composer', '#send-button');
    await isLargeEnough(user, `${where}, call`);
    const area = async selector => {
      const { width, height } = await user.$(selector).boundingBox();
      return width * height;
    };
    assert.ok(await area('#remote-video') > 3 * await area('#local-video'), `${where}: the own picture is the smaller one`);
    await user.leave();
    await isWhole(user, `${where}, ended`, '#next-button', '#home-button');
    await isLargeEnough(user, `${where}, ended`);
  });
}

test('on a phone the field has the room, and on a desktop the call', async () => {
  const a = await world.user(phone([360, 740]));
  const b = await world.user();
  await meet(a, b, 'room');
  assert.ok((await a.$('#composer').boundingBox()).width >= 280);
  await a.$('#camera-button').click();
  await b.$('#call-accept').click();
  await waitFor(() => b.$('#remote-video').evaluate(video => video.videoWidth > 0), 'the picture');
  assert.ok((await b.$('#remote-video').boundingBox()).height >= 440);
});
