// The start view and the search: interests, rules, who is online, patience.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sleep, useWorld, waitFor } from './harness.js';

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
  await user.page.getByRole('button', { name: 'Add music' }).click();
  await user.page.reload();
  assert.deepEqual(await chips(user), ['coding', 'tea', 'music']);
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
  await user.page.getByText('18 or older only.').waitFor();
  assert.ok(await user.page.getByRole('heading', { name: 'The rules' }).isVisible());
  await user.$('#online').waitFor();
  assert.match(await user.$('#online').textContent(), /^\d+ (person|people) online now$/);
});

test('a search says how long it takes, and can be cancelled', async () => {
  const user = await world.user();
  await user.search('nobody likes this');
  assert.equal(await user.$('#search-interests').textContent(), 'You like nobody likes this.');
  assert.equal(await user.$('#elapsed').textContent(), '00:00');
  await waitFor(async () => await user.$('#elapsed').textContent() === '00:01', 'a second');
  assert.match(await user.$('#search-status').textContent(), /First somebody who shares an interest/);
  await user.$('#patience').selectOption('-1');
  assert.match(await user.$('#search-status').textContent(), /Waiting for somebody who shares/);
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
  await a.sees('You are talking to a stranger. Say hi!');
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
