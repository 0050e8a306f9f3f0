// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"encoding/json"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
)

// roles are the names of what a screen reader finds on the page, by role.
func roles(b *tab) map[string]string {
	b.Helper()
	found := map[string]string{}
	tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range tree.Nodes {
		if !n.Ignored && n.Role != nil {
			found[text(n.Role)] = text(n.Name)
		}
	}
	return found
}

func text(v *accessibility.Value) (s string) {
	if v != nil {
		_ = json.Unmarshal([]byte(v.Value), &s)
	}
	return s
}
