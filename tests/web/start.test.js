// The start view and the search: interests, rules, who is online, patience.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server, User, sleep, useWorld, waitFor } from './harness.js';

const world = useWorld();

const chips = async user => (await user.$('#chips li span').allTextContents());
const remembered = user => user.page.evaluate(() => JSON.parse(localStorage.getItem('chatterbox.interests')));

test('chips are made by Enter and by commas, and taken back by Backspace and by their button', async () => {
  const user = await world.user();
  const input = user.$('#interest-input');
  await input.pressSequentially('coding');
  await input.press('Enter');
  await input.pressSequentially('chess,old films, ');
  assert.deepEqual(await chips(user), ['coding', 'chess', 'old films']);
  assert.equal((await input.inputValue()).trim(), '');
  await input.fill('');
  await input.press('Backspace');
  assert.deepEqual(await chips(user), ['coding', 'chess']);
  await input.pressSequentially(' CODING ,');
  assert.deepEqual(await chips(user), ['coding', 'chess'], 'the same interest in another case');
  await user.page.getByRole('button', { name: 'Remove coding' }).click();
  assert.deepEqual(await chips(user), ['chess']);
  assert.deepEqual(await remembered(user), ['chess']);
});

test('a pasted list becomes chips, ten at most, and what is too much is said', async () => {
  const user = await world.user({ permissions: ['clipboard-read', 'clipboard-write'] });
  const input = user.$('#interest-input');
  await user.page.evaluate(() => navigator.clipboard.writeText('a1, a2\na3\r\na4，a5、a6'));
  await input.focus();
  await input.press('ControlOrMeta+v');
  assert.deepEqual(await chips(user), ['a1', 'a2', 'a3', 'a4', 'a5', 'a6']);
  await input.pressSequentially('a7,a8,a9,a10,a11,');
  assert.equal((await chips(user)).length, 10);
  assert.equal(await user.$('#start-error').textContent(), '10 interests are the most.');
  assert.match(await input.inputValue(), /a11/, 'what was typed is not lost');
  await input.fill('é'.repeat(33));
  await user.page.getByRole('button', { name: 'Remove a1', exact: true }).click();
  await input.press('Enter');
  assert.equal(await user.$('#start-error').textContent(), 'That interest is too long.');
});

test('interests are remembered', async () => {
  const user = await world.user();
  await user.like('coding', 'tea');
  const idea = user.$('#ideas button').first();
  const offered = (await idea.textContent()).replace('+ ', '');
  await idea.click();
  await user.page.reload();
  assert.deepEqual(await chips(user), ['coding', 'tea', offered]);
  await user.page.evaluate(() => localStorage.setItem('chatterbox.interests', '{"broken'));
  await user.page.reload();
  await user.connected();
  assert.deepEqual(await chips(user), []);
});

test('without an interest there is no search, and the field is named as the reason', async () => {
  const user = await world.user();
  await user.$('#start-button').click();
  assert.match(await user.$('#start-error').textContent(), /at least one interest/);
  assert.ok(await user.$('#start-view').isVisible());
  assert.equal(await user.page.evaluate(() => document.activeElement.id), 'interest-input');
  assert.equal(await user.$('#interest-input').getAttribute('aria-invalid'), 'true');
});

test('rules, age and the number of people online are in view', async () => {
  const user = await world.user();
  await user.page.getByText('18 or older.').waitFor();
  assert.ok(await user.page.getByRole('heading', { name: 'The rules' }).isVisible());
  await user.$('#online').waitFor();
  assert.match(await user.$('#online').textContent(), /^(Nobody else is here yet\.|1 other is here|\d+ others are here)$/);
});

test('a search says how long it takes, and can be cancelled', async () => {
  const user = await world.user();
  await user.search('nobody likes this');
  assert.equal(await user.$('#search-title').textContent(), 'Looking for someone who likes nobody likes this…');
  assert.equal(await user.$('#elapsed').textContent(), '00:00');
  await waitFor(async () => await user.$('#elapsed').textContent() === '00:01', 'a second');
  assert.equal(await user.$('#search-status').textContent(), '…or anyone else after 10 seconds.');
  await user.$('#patience').selectOption('-1');
  assert.equal(await user.$('#search-status').textContent(), 'Shared interests only.');
  await user.$('#cancel-button').click();
  await user.$('#start-view').waitFor();
  await user.page.reload();
  assert.equal(await user.$('#patience').inputValue(), '-1', 'patience is remembered');
});

test('two who would talk to anyone meet without a common interest', async () => {
  const a = await world.user();
  const b = await world.user();
  await a.search('apples');
  await b.search('pears');
  await sleep(300);
  assert.ok(await a.$('#search-view').isVisible());
  await a.$('#anyone-button').click();
  await b.$('#anyone-button').click();
  await a.isChatting();
  await b.isChatting();
  await a.sees('You have no interest in common. Say hi!');
});

test('patience that runs out finds anyone', async () => {
  const a = await world.user();
  const b = await world.user();
  for (const user of [a, b]) {
    await user.search(user === a ? 'apples' : 'pears');
    await user.$('#patience').selectOption('5000');
  }
  await sleep(2000);
  assert.ok(await a.$('#search-view').isVisible());
  await a.isChatting();
});

test('who is alone is told so, and can invite a friend or be rung', async () => {
  const server = await Server.start();
  const lone = { ...world, server };
  const a = await User.open(lone, { permissions: ['clipboard-read', 'clipboard-write', 'notifications'] });
  assert.equal(await a.$('#online').textContent(), 'Nobody else is here yet.');
  await a.search('solitude');
  await waitFor(async () => /^You are the only one here\./.test(await a.$('#search-online').textContent()), 'the word');
  await a.page.evaluate(() => {
    window.beeps = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...when) {
      window.beeps++;
      return start.apply(this, when);
    };
    Object.defineProperty(navigator, 'share', { value: undefined });
  });
  await a.$('#bell').click();
  assert.equal(await a.page.evaluate(() => window.beeps), 1);
  await waitFor(async () => await a.$('#search-online').textContent()
    === 'You are the only one here. Keep this tab open and we ring, or invite a friend.', 'the promise');
  await a.$('#invite').click();
  await waitFor(async () => await a.$('#search-title').textContent() === 'Waiting for your friend…', 'the search for the friend');
  assert.equal(await a.$('#search-status').textContent(), 'Only someone with your link is matched with you.');
  const link = await a.page.evaluate(() => navigator.clipboard.readText());
  assert.match(link, /\/#with=[a-z]{8}$/);
  const stranger = await User.open(lone);
  assert.equal(await stranger.$('#online').textContent(), '1 other is here');
  await stranger.search('solitude');
  const b = await User.open({ ...lone, server: { url: link, port: server.port } });
  assert.ok(await b.$('#interests').isHidden());
  assert.equal(await b.$('#start-button').textContent(), 'Meet your friend');
  await b.$('#start-button').click();
  await a.isChatting();
  await b.isChatting();
  await b.sees('Your friend is here. Say hi!');
  assert.equal(await a.page.evaluate(() => window.beeps), 2, 'the bell rings');
  assert.equal(await b.page.evaluate(() => location.hash), '');
  assert.ok(await stranger.$('#search-view').isVisible());
  for (const user of [a, b, stranger]) await user.context.close();
  await server.stop();
});

test('who names no interest talks to anyone, and nobody is told of an interest', async () => {
  const a = await world.user();
  const b = await world.user();
  for (const user of [a, b]) await user.$('#anyone-start').click();
  await a.isChatting();
  await a.sees('You have no interest in common. Say hi!');
});

test('after 20 seconds a broader interest is offered, and the search goes on with it', async () => {
  const a = await world.user();
  await a.page.clock.install();
  await a.search('a very narrow thing');
  assert.ok(await a.$('#broader').isHidden());
  await a.passes(21);
  assert.equal(await a.$('#broader').textContent(), 'Add a broader interest: music?');
  const b = await world.user();
  await b.search('music');
  await a.$('#broader').click();
  await b.isChatting();
});

test('Escape cancels a search', async () => {
  const a = await world.user();
  await a.search('escaping');
  await a.page.keyboard.press('Escape');
  await a.$('#start-view').waitFor();
  await waitFor(async () => (await (await fetch(`${world.server.url}/stats`)).json()).searching === 0, 'the search to end');
});

test('without JavaScript there is a word, and no form that looks alive', async () => {
  const context = await world.browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(world.server.url);
  assert.match(await page.locator('noscript').innerHTML(), /This chat needs JavaScript\. It loads nothing from other sites\./);
  const box = await page.locator('noscript .card').boundingBox();
  assert.ok(box.x > 20 && box.width > 400, 'a card in the middle');
  assert.ok(await page.locator('#start-form').isHidden());
  await context.close();
});

test('the page names itself to search engines, phones and home screens', async () => {
  const user = await world.user();
  const head = await user.page.evaluate(() => ['meta[name=description]', 'meta[property="og:title"]', 'meta[name=theme-color]',
    'link[rel=manifest]', 'link[rel=apple-touch-icon]'].map(selector => document.head.querySelectorAll(selector).length));
  assert.deepEqual(head, [1, 1, 2, 1, 1]);
  const manifest = await (await fetch(`${world.server.url}/app.webmanifest`)).json();
  for (const { src } of manifest.icons) assert.equal((await fetch(new URL(src, world.server.url))).status, 200);
  const devtools = await user.context.newCDPSession(user.page);
  assert.deepEqual((await devtools.send('Page.getAppManifest')).errors, []);
});
