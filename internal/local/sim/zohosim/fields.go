package zohosim

import "fmt"

// The data types of fields, by Zoho's names.
const (
	TypeText        = "text"
	TypeTextArea    = "textarea"
	TypeEmail       = "email"
	TypePhone       = "phone"
	TypeWebsite     = "website"
	TypePicklist    = "picklist"
	TypeMultiSelect = "multiselectpicklist"
	TypeBoolean     = "boolean"
	TypeInteger     = "integer"
	TypeBigInt      = "bigint"
	TypeDouble      = "double"
	TypeCurrency    = "currency"
	TypeDate        = "date"
	TypeDateTime    = "datetime"
	TypeLookup      = "lookup"
	TypeOwner       = "ownerlookup"
)

// jsonTypes gives the json_type that settings/fields answers per data type.
var jsonTypes = map[string]string{
	TypeText: "string", TypeTextArea: "string", TypeEmail: "string", TypePhone: "string",
	TypeWebsite: "string", TypePicklist: "string", TypeMultiSelect: "jsonarray",
	TypeBoolean: "boolean", TypeInteger: "integer", TypeBigInt: "string",
	TypeDouble: "double", TypeCurrency: "double", TypeDate: "string", TypeDateTime: "string",
	TypeLookup: "jsonobject", TypeOwner: "jsonobject",
}

// Field describes one field of a module.
type Field struct {
	APIName   string
	Label     string // default: APIName
	Type      string // one of the Type constants; default TypeText
	Length    int    // characters, or digits of a number; default by type
	Mandatory bool
	ReadOnly  bool
	Unique    bool
	Options   []string // of a picklist, by actual value
	Lookup    string   // module that a lookup points to
	Custom    bool

	id string
}

// none is the option that stands for an empty picklist.
const none = "-None-"

// defaultLength is the documented length of each type where it has one.
var defaultLength = map[string]int{
	TypeText: 255, TypeTextArea: 32000, TypeEmail: 100, TypePhone: 30, TypeWebsite: 450,
	TypePicklist: 120, TypeMultiSelect: 4500, TypeInteger: 9, TypeBigInt: 18, TypeDouble: 16, TypeCurrency: 16,
	TypeDate: 20, TypeDateTime: 40, TypeLookup: 120, TypeOwner: 120, TypeBoolean: 5,
}

func text(name, label string, length int) Field {
	return Field{APIName: name, Label: label, Length: length}
}

func typed(name, label, kind string) Field {
	return Field{APIName: name, Label: label, Type: kind}
}

func picklist(name, label string, options ...string) Field {
	return Field{APIName: name, Label: label, Type: TypePicklist, Options: options}
}

func address(prefix, label string) []Field {
	return []Field{
		text(prefix+"_Street", label+" Street", 250),
		text(prefix+"_City", label+" City", 100),
		text(prefix+"_State", label+" State", 100),
		text(prefix+"_Code", label+" Code", 30),
		text(prefix+"_Country", label+" Country", 100),
	}
}

// contactAddress differs from an account's in the name of the postal code.
func contactAddress(prefix string) []Field {
	fields := address(prefix, prefix)
	fields[3] = text(prefix+"_Zip", prefix+" Zip", 30)
	return fields
}

// audit are the fields that Zoho keeps itself.
func audit(owner string) []Field {
	return []Field{
		typed("Owner", owner, TypeOwner),
		{APIName: "Created_By", Label: "Created By", Type: TypeOwner, ReadOnly: true},
		{APIName: "Modified_By", Label: "Modified By", Type: TypeOwner, ReadOnly: true},
		{APIName: "Created_Time", Label: "Created Time", Type: TypeDateTime, ReadOnly: true},
		{APIName: "Modified_Time", Label: "Modified Time", Type: TypeDateTime, ReadOnly: true},
		{APIName: "Tag", Label: "Tag", Type: TypeText, ReadOnly: true},
	}
}

// counterpartID is the connector's own unique field, as an administrator adds it.
func counterpartID() Field {
	return Field{APIName: "HubSpot_ID", Label: "HubSpot ID", Length: 255, Unique: true, Custom: true}
}

func contactFields() []Field {
	fields := []Field{
		picklist("Salutation", "Salutation", none, "Mr.", "Mrs.", "Ms.", "Dr.", "Prof."),
		text("First_Name", "First Name", 40),
		{APIName: "Last_Name", Label: "Last Name", Length: 80, Mandatory: true},
		{APIName: "Full_Name", Label: "Full Name", Length: 120, ReadOnly: true},
		{APIName: "Account_Name", Label: "Account Name", Type: TypeLookup, Lookup: Accounts},
		typed("Email", "Email", TypeEmail),
		typed("Secondary_Email", "Secondary Email", TypeEmail),
		typed("Phone", "Phone", TypePhone),
		typed("Mobile", "Mobile", TypePhone),
		typed("Home_Phone", "Home Phone", TypePhone),
		typed("Other_Phone", "Other Phone", TypePhone),
		typed("Asst_Phone", "Asst Phone", TypePhone),
		text("Assistant", "Assistant", 50),
		text("Fax", "Fax", 30),
		text("Title", "Title", 100),
		text("Department", "Department", 50),
		picklist("Lead_Source", "Lead Source", none, "Advertisement", "Cold Call", "Employee Referral",
			"External Referral", "Online Store", "Partner", "Public Relations", "Sales Email Alias",
			"Seminar Partner", "Internal Seminar", "Trade Show", "Web Download", "Web Research", "Chat",
			"X (Twitter)", "Facebook"),
		typed("Date_of_Birth", "Date of Birth", TypeDate),
		text("Skype_ID", "Skype ID", 50),
		text("Twitter", "Twitter", 50),
		typed("Email_Opt_Out", "Email Opt Out", TypeBoolean),
		typed("Description", "Description", TypeTextArea),
	}
	fields = append(fields, contactAddress("Mailing")...)
	fields = append(fields, contactAddress("Other")...)
	return append(append(fields, counterpartID()), audit("Contact Owner")...)
}

func accountFields() []Field {
	fields := []Field{
		{APIName: "Account_Name", Label: "Account Name", Length: 200, Mandatory: true},
		text("Account_Number", "Account Number", 40),
		text("Account_Site", "Account Site", 80),
		{APIName: "Parent_Account", Label: "Parent Account", Type: TypeLookup, Lookup: Accounts},
		typed("Website", "Website", TypeWebsite),
		typed("Phone", "Phone", TypePhone),
		text("Fax", "Fax", 30),
		picklist("Industry", "Industry", none, "ASP (Application Service Provider)", "Data/Telecom OEM",
			"ERP (Enterprise Resource Planning)", "Government/Military", "Large Enterprise", "ManagementISV",
			"MSP (Management Service Provider)", "Network Equipment Enterprise", "Non-management ISV",
			"Optical Networking", "Service Provider", "Small/Medium Enterprise", "Storage Equipment",
			"Storage Service Provider", "Systems Integrator", "Wireless Industry", "ERP",
			"Management ISV", "Communications", "Consulting", "Education", "Financial Services",
			"Manufacturing", "Real Estate", "Technology"),
		picklist("Account_Type", "Account Type", none, "Analyst", "Competitor", "Customer", "Distributor",
			"Integrator", "Investor", "Other", "Partner", "Press", "Prospect", "Reseller", "Supplier", "Vendor"),
		picklist("Rating", "Rating", none, "Acquired", "Active", "Market Failed", "Project Cancelled", "Shut Down"),
		picklist("Ownership", "Ownership", none, "Other", "Private", "Public", "Subsidiary", "Partnership",
			"Government", "Privately Held", "Public Company"),
		typed("Employees", "Employees", TypeInteger),
		typed("Annual_Revenue", "Annual Revenue", TypeCurrency),
		text("Ticker_Symbol", "Ticker Symbol", 30),
		typed("SIC_Code", "SIC Code", TypeInteger),
		typed("Description", "Description", TypeTextArea),
	}
	fields = append(fields, address("Billing", "Billing")...)
	fields = append(fields, address("Shipping", "Shipping")...)
	return append(append(fields, counterpartID()), audit("Account Owner")...)
}

// The modules that are played.
const (
	Contacts = "Contacts"
	Accounts = "Accounts"
)

// module is one kind of record and its metadata. It does not change after New.
type module struct {
	api      string
	singular string
	id       string
	system   string // the system-defined field that upsert matches
	fields   []*Field
	byName   map[string]*Field
}

func newModule(api, singular, system string, number int64, fields []Field) (*module, error) {
	m := &module{api: api, singular: singular, system: system, id: formatID(number), byName: map[string]*Field{}}
	for i := range fields {
		f := fields[i]
		if f.Type == "" {
			f.Type = TypeText
		}
		if jsonTypes[f.Type] == "" {
			return nil, fmt.Errorf("field %s.%s has unknown type %q", api, f.APIName, f.Type)
		}
		if f.Label == "" {
			f.Label = f.APIName
		}
		if f.Length == 0 {
			f.Length = defaultLength[f.Type]
		}
		if m.byName[f.APIName] != nil {
			return nil, fmt.Errorf("field %s.%s is there twice", api, f.APIName)
		}
		f.id = formatID(number + 100 + int64(i))
		m.fields = append(m.fields, &f)
		m.byName[f.APIName] = &f
	}
	return m, nil
}

// uniques lists the unique fields in the order of the metadata.
func (m *module) uniques() []*Field {
	var out []*Field
	for _, f := range m.fields {
		if f.Unique {
			out = append(out, f)
		}
	}
	return out
}

// matchFields lists the fields by which upsert finds a record, in Zoho's order.
// Without a request the system-defined field comes first. With one, the
// requested fields come first and then the other unique fields; the
// system-defined field takes part only when it is requested.
func (m *module) matchFields(requested []string) []string {
	order := append([]string{}, requested...)
	if len(requested) == 0 {
		order = append(order, m.system)
	}
	seen := map[string]bool{}
	for _, name := range order {
		seen[name] = true
	}
	for _, f := range m.uniques() {
		if !seen[f.APIName] {
			order = append(order, f.APIName)
		}
	}
	return order
}
