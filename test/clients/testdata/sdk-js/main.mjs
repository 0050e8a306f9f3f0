// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Calls AWS License Manager with the AWS SDK for JavaScript, once for each line
// of standard input.
//
// A line holds an operation and its input in JSON, in the words of the API; the
// answer line what the SDK makes of the reply. All of the request, the
// signature, the parsing and the repeating is the SDK's own, and so is the
// configuration: it comes from the environment.

import { createInterface } from "node:readline";

import * as sdk from "@aws-sdk/client-license-manager";

const client = new sdk.LicenseManagerClient({});

async function answer({ operation, input }) {
  try {
    const output = await client.send(new sdk[`${operation}Command`](input));
    return { output };
  } catch (error) {
    if (!(error instanceof sdk.LicenseManagerServiceException)) {
      return { message: String(error) };
    }
    const type = sdk[error.name];
    return {
      code: error.name,
      message: error.message,
      modelled: type !== undefined && error instanceof type,
    };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
