// Validates an OLM bundle as `operator-sdk bundle validate` does, by OLM's own rules, those for everybody and those of
// OperatorHub and of good practice. Prints each error and warning, and fails where there is one.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/operator-framework/api/pkg/manifests"
	"github.com/operator-framework/api/pkg/validation"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: olm DIRECTORY")
	}
	bundle, err := manifests.GetBundleFromDir(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	rules := validation.DefaultBundleValidators.WithValidators(
		validation.OperatorHubV2Validator,
		validation.StandardCapabilitiesValidator,
		validation.StandardCategoriesValidator,
		validation.ObjectValidator,
		validation.AlphaDeprecatedAPIsValidator,
		validation.GoodPracticesValidator,
	)
	said := 0
	for _, result := range rules.Validate(bundle.ObjectsToValidate()...) {
		for _, each := range append(result.Errors, result.Warnings...) {
			fmt.Println(each.Error())
			said++
		}
	}
	if said > 0 {
		os.Exit(1)
	}
}
