// Starts the task, waits until it is ready, and hands its address to the steps that follow.
'use strict';

const fs = require('node:fs');
const { spawnSync } = require('node:child_process');
const { find } = require('./install');
const { input, lines, output, state, fail } = require('./runner');

/** The command line of `cube run` for the inputs. */
function words() {
  const repeated = (name) => lines(name).flatMap((line) => [`--${name}`, line]);
  const single = (name) => (input(name) === '' ? [] : [`--${name}`, input(name)]);
  return [
    'run', '--output', 'github', '--image', input('image'),
    ...single('name'), ...single('prefix'), ...single('wait-timeout'), ...single('evidence'),
    ...repeated('env'), ...repeated('publish'), ...repeated('wait-for'), ...repeated('export'),
    ...lines('flags'), ...(lines('command').length > 0 ? ['--', ...lines('command')] : []),
  ];
}

/** The variables that cube appended to the runner's environment file. */
function variables(text) {
  const found = {};
  for (const [, name, , value] of text.matchAll(/^(\w+)<<(\S+)\n([\s\S]*?)\n\2$/gm)) found[name] = value;
  for (const [, name, value] of text.matchAll(/^(\w+)=(.*)$/gm)) found[name] ??= value;
  return found;
}

async function main() {
  const cube = await find();
  state('cube', cube);
  const file = process.env.GITHUB_ENV;
  const before = fs.existsSync(file) ? fs.statSync(file).size : 0;
  const run = spawnSync(cube, words(), { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  if (run.error) throw run.error;
  if (run.status !== 0) {
    // cube itself has written the annotation.
    process.stdout.write(`cube run ended with exit code ${run.status}: its messages are above\n`);
    process.exitCode = 1;
    return;
  }
  const id = run.stdout.trim();
  state('id', id);
  const set = variables(fs.readFileSync(file).subarray(before).toString('utf8'));
  const prefix = input('prefix') || 'CUBE';
  output('container-id', id);
  output('name', set[`${prefix}_CONTAINER_NAME`] ?? set[`${prefix}_NAME`] ?? '');
  output('host', set[`${prefix}_HOST`] ?? '');
  output('port', set[`${prefix}_PORT`] ?? '');
}

main().catch((error) => fail(error.message));
