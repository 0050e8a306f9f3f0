# Copyright The license-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Reduces an API model of botocore (service-2.json) to the facts that the tests
# hold the code against: names, members and constraints, no documentation.
#
#   jq --tab -S -f reduce.jq --args CheckoutLicense CheckInLicense … < service-2.json
#
# The arguments are the operations that are served.

def references: [.members[]?, .member, .key, .value | .shape? // empty];

. as $model
| ($ARGS.positional | map({key: ., value: $model.operations[.]}) | from_entries) as $served
| def closure: . as $names | ([$names[], ($names[] | $model.shapes[.] | references[])] | unique) as $more
    | if ($more | length) == ($names | length) then $names else $more | closure end;
{
  metadata: (.metadata | {apiVersion, jsonVersion, targetPrefix, signingName: (.signingName // .endpointPrefix)}),
  operations: ($served | map_values({input: .input.shape, output: .output.shape, errors: [.errors[].shape]})),
  refused: ((.operations | keys) - ($served | keys)),
  errors: (.shapes | map_values(select(.exception)
    | {members: .members | keys, fault: (.fault // false)})),
  shapes: ([$served[] | .input.shape, .output.shape] | unique | closure
    | map({key: ., value: ($model.shapes[.] | del(.documentation)
        | if .members then .members |= map_values(.shape) else . end
        | if .member then .member |= .shape else . end
        | if .key then .key |= .shape | .value |= .shape else . end)})
    | from_entries)
}
