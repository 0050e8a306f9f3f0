// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import "slices"

// What to do instead of an operation that is not served.
const (
	applySubscription  = "Licences are Subscriptions here: kubectl apply a Subscription, which names a Product and a customer."
	deleteSubscription = "Licences are Subscriptions here: kubectl delete the Subscription, or set its spec.state to Cancelled."
	getSubscription    = "Licences are Subscriptions here, and only the newest version of one is kept: kubectl get the Subscription, or call GetLicense."
	applyGrant         = "Licences are Subscriptions here, and a Subscription is granted to the customer that it names: kubectl apply a Subscription for that customer."
	getGrant           = "Licences are Subscriptions here, and a Subscription is granted to the customer that it names: kubectl get Subscriptions, or call ListReceivedLicenses."
	listEverywhere     = "Licences are Subscriptions here, and there are no organizations: kubectl get Subscriptions --all-namespaces, or call ListReceivedLicenses."
	applyAccessKey     = "What signs for a customer is an AccessKey here: kubectl apply, get or delete an AccessKey of the type Customer, or call as a Kubernetes ServiceAccount."
	labelSubscription  = "Licences are Subscriptions here, and tags are labels: kubectl label the Subscription."
	applyProduct       = "Only licences that a seller issues are kept here: kubectl apply a Product for what is sold, and a Subscription for each customer's licence."
	getUsage           = "Only licences that a seller issues are kept here: kubectl get LicenseCheckouts to see what is in use, or call GetLicenseUsage."
	configureOperator  = "The settings of this service are the operator's own: see the values of its Helm chart."
)

// licenseManagerOperations lists all operations of the API model.
var licenseManagerOperations = slices.Concat(
	[]*Operation{
		serve[CheckoutLicenseRequest, CheckoutLicenseResponse](LicenseManager, "CheckoutLicense"),
		serve[CheckInLicenseRequest, CheckInLicenseResponse](LicenseManager, "CheckInLicense"),
		serve[ExtendLicenseConsumptionRequest, ExtendLicenseConsumptionResponse](LicenseManager, "ExtendLicenseConsumption"),
		serve[CheckoutBorrowLicenseRequest, CheckoutBorrowLicenseResponse](LicenseManager, "CheckoutBorrowLicense"),
		serve[GetLicenseRequest, GetLicenseResponse](LicenseManager, "GetLicense"),
		serve[GetLicenseUsageRequest, GetLicenseUsageResponse](LicenseManager, "GetLicenseUsage"),
		serve[ListLicensesRequest, ListLicensesResponse](LicenseManager, "ListLicenses"),
		serve[ListReceivedLicensesRequest, ListReceivedLicensesResponse](LicenseManager, "ListReceivedLicenses"),
	},
	refuse(LicenseManager, applySubscription, "CreateLicense", "CreateLicenseVersion"),
	refuse(LicenseManager, deleteSubscription, "DeleteLicense"),
	refuse(LicenseManager, getSubscription, "ListLicenseVersions"),
	refuse(LicenseManager, applyGrant, "AcceptGrant", "CreateGrant", "CreateGrantVersion", "DeleteGrant", "RejectGrant"),
	refuse(LicenseManager, getGrant, "GetGrant", "ListDistributedGrants", "ListReceivedGrants"),
	refuse(LicenseManager, listEverywhere, "ListReceivedGrantsForOrganization", "ListReceivedLicensesForOrganization"),
	refuse(LicenseManager, applyAccessKey, "CreateToken", "DeleteToken", "GetAccessToken", "ListTokens"),
	refuse(LicenseManager, labelSubscription, "ListTagsForResource", "TagResource", "UntagResource"),
	refuse(LicenseManager, applyProduct,
		"CreateLicenseAssetGroup", "CreateLicenseAssetRuleset", "CreateLicenseConfiguration", "CreateLicenseConversionTaskForResource",
		"DeleteLicenseAssetGroup", "DeleteLicenseAssetRuleset", "DeleteLicenseConfiguration",
		"GetLicenseAssetGroup", "GetLicenseAssetRuleset", "GetLicenseConfiguration", "GetLicenseConversionTask",
		"ListLicenseAssetGroups", "ListLicenseAssetRulesets", "ListLicenseConfigurations",
		"ListLicenseConfigurationsForOrganization", "ListLicenseConversionTasks", "ListLicenseSpecificationsForResource",
		"UpdateLicenseAssetGroup", "UpdateLicenseAssetRuleset", "UpdateLicenseConfiguration", "UpdateLicenseSpecificationsForResource"),
	refuse(LicenseManager, getUsage,
		"CreateLicenseManagerReportGenerator", "DeleteLicenseManagerReportGenerator", "GetLicenseManagerReportGenerator",
		"ListLicenseManagerReportGenerators", "UpdateLicenseManagerReportGenerator",
		"ListAssetsForLicenseAssetGroup", "ListAssociationsForLicenseConfiguration",
		"ListFailuresForLicenseConfigurationOperations", "ListResourceInventory", "ListUsageForLicenseConfiguration"),
	refuse(LicenseManager, configureOperator, "GetServiceSettings", "UpdateServiceSettings"),
)
