package hubspotsim

import (
	"slices"
	"strings"
)

// entry is one line of the tables of standard properties below.
type entry struct {
	name, label, kind, field string
	flags                    string // "ro" read-only, "calc" calculated, "ext" external options, "uniq" unique
	options                  string // "value=Label|..." ; a lone word is both
}

// lifecycle is in the order in which a record may move.
var lifecycle = []string{"subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead",
	"opportunity", "customer", "evangelist", "other"}

const lifecycleOptions = "subscriber=Subscriber|lead=Lead|marketingqualifiedlead=Marketing Qualified Lead|" +
	"salesqualifiedlead=Sales Qualified Lead|opportunity=Opportunity|customer=Customer|evangelist=Evangelist|other=Other"

const leadStatusOptions = "NEW=New|OPEN=Open|IN_PROGRESS=In Progress|OPEN_DEAL=Open Deal|UNQUALIFIED=Unqualified|" +
	"ATTEMPTED_TO_CONTACT=Attempted to Contact|CONNECTED=Connected|BAD_TIMING=Bad Timing"

const sourceOptions = "ORGANIC_SEARCH=Organic Search|PAID_SEARCH=Paid Search|EMAIL_MARKETING=Email Marketing|" +
	"SOCIAL_MEDIA=Organic Social|REFERRALS=Referrals|OTHER_CAMPAIGNS=Other Campaigns|DIRECT_TRAFFIC=Direct Traffic|" +
	"OFFLINE=Offline Sources|PAID_SOCIAL=Paid Social|AI_REFERRALS=AI Referrals"

// common are the properties of both object types.
var common = []entry{
	{"zoho_id", "Zoho ID", typeString, "text", "uniq custom", ""},
	{"phone", "Phone Number", typeString, "phonenumber", "", ""},
	{"address", "Street Address", typeString, "text", "", ""},
	{"city", "City", typeString, "text", "", ""},
	{"state", "State/Region", typeString, "text", "", ""},
	{"zip", "Postal Code", typeString, "text", "", ""},
	{"country", "Country/Region", typeString, "text", "", ""},
	{"numberofemployees", "Number of Employees", typeNumber, "number", "", ""},
	{"annualrevenue", "Annual Revenue", typeNumber, "number", "", ""},
	{"lifecyclestage", "Lifecycle Stage", typeEnum, "radio", "", lifecycleOptions},
	{"hs_lead_status", "Lead Status", typeEnum, "radio", "", leadStatusOptions},
	{"hubspot_owner_id", "Owner", typeEnum, "select", "ext", ""},
	{"hs_analytics_source", "Original Traffic Source", typeEnum, "select", "ro", sourceOptions},
	{"createdate", "Create Date", typeDateTime, "date", "ro", ""},
	{"hs_object_id", "Record ID", typeNumber, "number", "ro", ""},
	{"hs_object_source", "Record creation source", typeString, "text", "ro", ""},
	{"hs_object_source_id", "Record creation source ID", typeString, "text", "ro", ""},
	{"hs_object_source_label", "Record Source", typeString, "text", "ro", ""},
	{"hs_merged_object_ids", "Merged record IDs", typeEnum, "checkbox", "ro ext", ""},
	{"hs_createdate", "Object create date/time", typeDateTime, "date", "ro", ""},
	{"hs_was_imported", "Performed in an import", typeBool, "booleancheckbox", "ro", ""},
	{"num_associated_deals", "Number of Associated Deals", typeNumber, "number", "calc", ""},
}

var contactEntries = []entry{
	{"email", "Email", typeString, "text", "", ""},
	{"hs_additional_emails", "Additional email addresses", typeEnum, "checkbox", "ext", ""},
	{"firstname", "First Name", typeString, "text", "", ""},
	{"lastname", "Last Name", typeString, "text", "", ""},
	{"salutation", "Salutation", typeString, "text", "", ""},
	{"mobilephone", "Mobile Phone Number", typeString, "phonenumber", "", ""},
	{"fax", "Fax Number", typeString, "text", "", ""},
	{"jobtitle", "Job Title", typeString, "text", "", ""},
	{"company", "Company Name", typeString, "text", "", ""},
	{"website", "Website URL", typeString, "text", "", ""},
	{"date_of_birth", "Date of birth", typeString, "text", "", ""},
	{"hs_language", "Preferred language", typeEnum, "select", "", "en=English|de=German|fr=French|es=Spanish|it=Italian|nl=Dutch|pt=Portuguese|ja=Japanese"},
	{"hs_content_membership_notes", "Membership Notes", typeString, "textarea", "", ""},
	{"industry", "Industry", typeString, "text", "", ""},
	{"message", "Message", typeString, "textarea", "", ""},
	{"lastmodifieddate", "Last Modified Date", typeDateTime, "date", "ro", ""},
	{"closedate", "Close Date", typeDateTime, "date", "", ""},
	{"hs_email_domain", "Email Domain", typeString, "text", "calc", ""},
	{"hs_email_optout", "Unsubscribed from all email", typeBool, "booleancheckbox", "ro", ""},
	{"hs_all_contact_vids", "All vids for a contact", typeEnum, "checkbox", "ro ext", ""},
	{"hs_calculated_merged_vids", "Merged vids with timestamps of a contact", typeEnum, "checkbox", "ro ext", ""},
	{"hs_is_unworked", "Contact unworked", typeBool, "booleancheckbox", "calc", ""},
	{"hs_pipeline", "Pipeline", typeString, "text", "ro", ""},
	{"hs_full_name_or_email", "Full name or email", typeString, "text", "calc", ""},
	{"associatedcompanyid", "Primary Associated Company ID", typeNumber, "number", "ro", ""},
	{"num_unique_conversion_events", "Number of Unique Forms Submitted", typeNumber, "number", "ro", ""},
}

var companyEntries = []entry{
	{"name", "Company name", typeString, "text", "", ""},
	{"domain", "Company Domain Name", typeString, "text", "", ""},
	{"website", "Website URL", typeString, "text", "", ""},
	{"description", "Description", typeString, "textarea", "", ""},
	{"about_us", "About Us", typeString, "textarea", "", ""},
	{"address2", "Street Address 2", typeString, "text", "", ""},
	{"type", "Type", typeEnum, "select", "", "PROSPECT=Prospect|PARTNER=Partner|RESELLER=Reseller|VENDOR=Vendor|OTHER=Other"},
	{"industry", "Industry", typeEnum, "select", "", ""},
	{"founded_year", "Year Founded", typeString, "text", "", ""},
	{"is_public", "Is Public", typeBool, "booleancheckbox", "", ""},
	{"linkedin_company_page", "LinkedIn Company Page", typeString, "text", "", ""},
	{"timezone", "Time Zone", typeString, "text", "", ""},
	{"hs_lastmodifieddate", "Last Modified Date", typeDateTime, "date", "ro", ""},
	{"hs_num_child_companies", "Number of child companies", typeNumber, "number", "calc", ""},
	{"num_associated_contacts", "Number of Associated Contacts", typeNumber, "number", "calc", ""},
}

// industries are the option values of a company's industry; the labels are the
// same words in title case.
const industries = `ACCOUNTING AIRLINES_AVIATION ALTERNATIVE_DISPUTE_RESOLUTION ALTERNATIVE_MEDICINE ANIMATION
APPAREL_FASHION ARCHITECTURE_PLANNING ARTS_AND_CRAFTS AUTOMOTIVE AVIATION_AEROSPACE BANKING BIOTECHNOLOGY
BROADCAST_MEDIA BUILDING_MATERIALS BUSINESS_SUPPLIES_AND_EQUIPMENT CAPITAL_MARKETS CHEMICALS
CIVIC_SOCIAL_ORGANIZATION CIVIL_ENGINEERING COMMERCIAL_REAL_ESTATE COMPUTER_NETWORK_SECURITY COMPUTER_GAMES
COMPUTER_HARDWARE COMPUTER_NETWORKING COMPUTER_SOFTWARE INTERNET CONSTRUCTION CONSUMER_ELECTRONICS CONSUMER_GOODS
CONSUMER_SERVICES COSMETICS DAIRY DEFENSE_SPACE DESIGN EDUCATION_MANAGEMENT E_LEARNING
ELECTRICAL_ELECTRONIC_MANUFACTURING ENTERTAINMENT ENVIRONMENTAL_SERVICES EVENTS_SERVICES EXECUTIVE_OFFICE
FACILITIES_SERVICES FARMING FINANCIAL_SERVICES FINE_ART FISHERY FOOD_BEVERAGES FOOD_PRODUCTION FUND_RAISING
FURNITURE GAMBLING_CASINOS GLASS_CERAMICS_CONCRETE GOVERNMENT_ADMINISTRATION GOVERNMENT_RELATIONS GRAPHIC_DESIGN
HEALTH_WELLNESS_AND_FITNESS HIGHER_EDUCATION HOSPITAL_HEALTH_CARE HOSPITALITY HUMAN_RESOURCES IMPORT_AND_EXPORT
INDIVIDUAL_FAMILY_SERVICES INDUSTRIAL_AUTOMATION INFORMATION_SERVICES INFORMATION_TECHNOLOGY_AND_SERVICES INSURANCE
INTERNATIONAL_AFFAIRS INTERNATIONAL_TRADE_AND_DEVELOPMENT INVESTMENT_BANKING INVESTMENT_MANAGEMENT JUDICIARY
LAW_ENFORCEMENT LAW_PRACTICE LEGAL_SERVICES LEGISLATIVE_OFFICE LEISURE_TRAVEL_TOURISM LIBRARIES
LOGISTICS_AND_SUPPLY_CHAIN LUXURY_GOODS_JEWELRY MACHINERY MANAGEMENT_CONSULTING MARITIME MARKET_RESEARCH
MARKETING_AND_ADVERTISING MECHANICAL_OR_INDUSTRIAL_ENGINEERING MEDIA_PRODUCTION MEDICAL_DEVICES MEDICAL_PRACTICE
MENTAL_HEALTH_CARE MILITARY MINING_METALS MOTION_PICTURES_AND_FILM MUSEUMS_AND_INSTITUTIONS MUSIC NANOTECHNOLOGY
NEWSPAPERS NON_PROFIT_ORGANIZATION_MANAGEMENT OIL_ENERGY ONLINE_MEDIA OUTSOURCING_OFFSHORING
PACKAGE_FREIGHT_DELIVERY PACKAGING_AND_CONTAINERS PAPER_FOREST_PRODUCTS PERFORMING_ARTS PHARMACEUTICALS PHILANTHROPY
PHOTOGRAPHY PLASTICS POLITICAL_ORGANIZATION PRIMARY_SECONDARY_EDUCATION PRINTING PROFESSIONAL_TRAINING_COACHING
PROGRAM_DEVELOPMENT PUBLIC_POLICY PUBLIC_RELATIONS_AND_COMMUNICATIONS PUBLIC_SAFETY PUBLISHING RAILROAD_MANUFACTURE
RANCHING REAL_ESTATE RECREATIONAL_FACILITIES_AND_SERVICES RELIGIOUS_INSTITUTIONS RENEWABLES_ENVIRONMENT RESEARCH
RESTAURANTS RETAIL SECURITY_AND_INVESTIGATIONS SEMICONDUCTORS SHIPBUILDING SPORTING_GOODS SPORTS
STAFFING_AND_RECRUITING SUPERMARKETS TELECOMMUNICATIONS TEXTILES THINK_TANKS TOBACCO TRANSLATION_AND_LOCALIZATION
TRANSPORTATION_TRUCKING_RAILROAD UTILITIES VENTURE_CAPITAL_PRIVATE_EQUITY VETERINARY WAREHOUSING WHOLESALE
WINE_AND_SPIRITS WIRELESS WRITING_AND_EDITING MOBILE_GAMES`

// build makes the definition of one line.
func (e entry) build(group string) *property {
	flags := strings.Fields(e.flags)
	p := &property{
		Name: e.name, Label: e.label, Type: e.kind, FieldType: e.field, GroupName: group,
		Calculated:      slices.Contains(flags, "calc"),
		ExternalOptions: slices.Contains(flags, "ext"),
		HasUniqueValue:  slices.Contains(flags, "uniq"),
		HubspotDefined:  !slices.Contains(flags, "custom"),
		DataSensitivity: "non_sensitive",
		DisplayOrder:    -1,
		FormField:       true,
	}
	p.Modification = modification{
		ReadOnlyValue:      p.Calculated || slices.Contains(flags, "ro"),
		ReadOnlyDefinition: p.HubspotDefined,
		Archivable:         !p.HubspotDefined,
	}
	if e.name == "hubspot_owner_id" {
		p.ReferencedType = "OWNER"
	}
	options := e.options
	if e.name == "industry" && e.kind == typeEnum {
		options = strings.Join(strings.Fields(industries), "|")
	}
	for i, o := range splitList(options, "|") {
		value, label, found := strings.Cut(o, "=")
		if !found {
			label = title(value)
		}
		p.Options = append(p.Options, option{Value: value, Label: label, DisplayOrder: i})
	}
	return p
}

// title turns OIL_ENERGY into Oil Energy.
func title(value string) string {
	words := strings.Split(strings.ToLower(value), "_")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}

func splitList(s, sep string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, sep)
}
