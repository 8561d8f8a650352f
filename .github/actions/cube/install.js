// Which cube to run: the one named, the one in PATH, or a release of this action's repository.
// The download needs the runner's network and cannot be tried without a published release; what it
// unpacks is checked against the release's checksums.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { execFileSync, spawnSync } = require('node:child_process');
const { input } = require('./runner');

const TARGETS = { x64: 'x86_64-unknown-linux-gnu', arm64: 'aarch64-unknown-linux-gnu' };

async function find() {
  const named = input('cube');
  if (named !== '') return named;
  if (spawnSync('cube', ['--version']).status === 0) return 'cube';
  return download(input('version'));
}

async function download(version) {
  const target = TARGETS[os.arch()];
  if (process.platform !== 'linux' || !target) {
    throw new Error(`there is no release of cube for ${process.platform} on ${os.arch()}: name a program with the input cube`);
  }
  const server = process.env.GITHUB_SERVER_URL || 'https://github.com';
  const release = version === '' ? 'latest/download' : `download/v${version.replace(/^v/, '')}`;
  const base = `${server}/${process.env.GITHUB_ACTION_REPOSITORY}/releases/${release}`;
  const archive = `cube-${target}.tar.gz`;
  const [body, sums] = await Promise.all([get(`${base}/${archive}`), get(`${base}/SHA256SUMS`)]);
  check(archive, body, sums.toString('utf8'));
  const folder = fs.mkdtempSync(path.join(process.env.RUNNER_TEMP || os.tmpdir(), 'cube-'));
  fs.writeFileSync(path.join(folder, archive), body);
  execFileSync('tar', ['-xzf', archive], { cwd: folder });
  return path.join(folder, 'cube');
}

async function get(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`cannot download ${url}: status ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}

/** Refuses an archive that is not the one that the release lists. */
function check(archive, body, sums) {
  const line = sums.split('\n').find((each) => each.endsWith(`  ${archive}`));
  const sum = crypto.createHash('sha256').update(body).digest('hex');
  if (!line || line.split(' ')[0] !== sum) throw new Error(`the checksum of ${archive} is not the release's`);
}

module.exports = { find, check };
