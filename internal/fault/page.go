// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package fault

// The kinds that only the pages for browsers tell apart.
const (
	// PageNotFound: no link that leads to a page, or its customer is gone.
	PageNotFound Kind = "PageNotFound"
	// LinkExpired: the link's time is over.
	LinkExpired Kind = "LinkExpired"
	// PageNotOffered: the product has no such page.
	PageNotOffered Kind = "PageNotOffered"
	// NotSubscribed: the customer is not subscribed now.
	NotSubscribed Kind = "NotSubscribed"
	// FormInvalid: what was posted is not what the page had shown.
	FormInvalid Kind = "FormInvalid"
	// CrossSite: another site has posted the form.
	CrossSite Kind = "CrossSite"
)
