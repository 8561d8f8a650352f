// What the runner gives to an action and takes from it: variables in, files out.
'use strict';

const fs = require('node:fs');
const crypto = require('node:crypto');

/** An input's text; the runner sets INPUT_NAME with the name in capitals. */
function input(name) {
  return (process.env[`INPUT_${name.replace(/ /g, '_').toUpperCase()}`] || '').trim();
}

/** An input's lines, without the empty ones. */
function lines(name) {
  return input(name).split('\n').map((line) => line.trim()).filter((line) => line !== '');
}

/** Appends NAME=value to one of the runner's files; a random delimiter keeps a value from ending itself. */
function append(file, name, value) {
  if (!file) return;
  const end = `cube_${crypto.randomUUID()}`;
  fs.appendFileSync(file, `${name}<<${end}\n${value}\n${end}\n`);
}

const output = (name, value) => append(process.env.GITHUB_OUTPUT, name, value);
const state = (name, value) => append(process.env.GITHUB_STATE, name, value);

/** What an earlier step of this action saved. */
function saved(name) {
  return process.env[`STATE_${name}`] || '';
}

/** Ends the step as failed, with one annotation. */
function fail(message) {
  const text = message.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
  process.stdout.write(`::error::${text}\n`);
  process.exitCode = 1;
}

module.exports = { input, lines, output, state, saved, fail };
