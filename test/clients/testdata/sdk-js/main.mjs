// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Calls AWS License Manager and the services of AWS Marketplace with the AWS SDK
// for JavaScript, once for each line of standard input.
//
// A line holds an operation and its input in JSON, in the words of the API; the
// answer line what the SDK makes of the reply. All of the request, the
// signature, the parsing and the repeating is the SDK's own, and so is the
// configuration: it comes from the environment.

import { createInterface } from "node:readline";

import * as entitlement from "@aws-sdk/client-marketplace-entitlement-service";
import * as licenseManager from "@aws-sdk/client-license-manager";
import * as metering from "@aws-sdk/client-marketplace-metering";

// No two of the services have an operation of one name.
const services = [
  { sdk: licenseManager, client: new licenseManager.LicenseManagerClient({}), failure: licenseManager.LicenseManagerServiceException },
  { sdk: metering, client: new metering.MarketplaceMeteringClient({}), failure: metering.MarketplaceMeteringServiceException },
  {
    sdk: entitlement,
    client: new entitlement.MarketplaceEntitlementServiceClient({}),
    failure: entitlement.MarketplaceEntitlementServiceServiceException,
  },
];

// The SDK takes times as Dates, which JSON has not.
function revive(name, value) {
  return name === "Timestamp" ? new Date(value) : value;
}

async function answer({ operation, input }) {
  const { sdk, client, failure } = services.find(({ sdk }) => sdk[`${operation}Command`]);
  try {
    const output = await client.send(new sdk[`${operation}Command`](input));
    return { output };
  } catch (error) {
    if (!(error instanceof failure)) {
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
  console.log(JSON.stringify(await answer(JSON.parse(line, revive))));
}
