// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/subtle"
	"encoding/base64"
	"strconv"
)

// An access key's id is "AKIA" and the base32 of accessKeyIDSize bytes that
// name it and accessKeyMACSize bytes that prove that we made it: 20 characters,
// as AWS's own and as every SDK expects. Ten bytes are exactly 16 characters.
const (
	accessKeyPrefix  = "AKIA"
	accessKeyIDSize  = 7
	accessKeyMACSize = 3
	accessKeyLength  = len(accessKeyPrefix) + (accessKeyIDSize+accessKeyMACSize)*8/5

	secretKeySize = 30
)

// AccessKeyID is the public half of an AccessKey's pair, 20 characters. Each
// rotation of the key has its own.
func (i *Identity) AccessKeyID(namespace, name string, rotation int64) string {
	var raw [accessKeyIDSize + accessKeyMACSize]byte
	sum := i.accessKeyID.sum(namespace, name, strconv.FormatInt(rotation, 10))
	copy(raw[:accessKeyIDSize], sum[:])
	mac := i.accessKeyIDMAC.sum(string(raw[:accessKeyIDSize]))
	copy(raw[accessKeyIDSize:], mac[:])
	return accessKeyPrefix + upper32.EncodeToString(raw[:])
}

// AuthenticAccessKeyID reports whether id was made by AccessKeyID, without
// knowing for which key. Its 24 bits keep the ids that strangers make up from
// causing a look-up; they prove nothing about who is calling.
func (i *Identity) AuthenticAccessKeyID(id string) bool {
	var raw [accessKeyIDSize + accessKeyMACSize]byte
	if len(id) != accessKeyLength || id[:len(accessKeyPrefix)] != accessKeyPrefix {
		return false
	}
	if !decodeUpper32(raw[:], id[len(accessKeyPrefix):]) {
		return false
	}
	mac := i.accessKeyIDMAC.sum(string(raw[:accessKeyIDSize]))
	return subtle.ConstantTimeCompare(raw[accessKeyIDSize:], mac[:accessKeyMACSize]) == 1
}

// SecretAccessKey is the secret half of an AccessKey's pair, 40 characters of
// base64. It is derived whenever it is needed and never stored by the
// operator. The id is one of its inputs, so a secret belongs to exactly one id.
func (i *Identity) SecretAccessKey(namespace, name string, rotation int64) string {
	id := i.AccessKeyID(namespace, name, rotation)
	sum := i.secretKey.sum(namespace, name, strconv.FormatInt(rotation, 10), id)
	return base64.StdEncoding.EncodeToString(sum[:secretKeySize])
}
